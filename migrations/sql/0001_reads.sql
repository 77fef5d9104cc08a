-- Reads that need more than one step.

CREATE FUNCTION ledger_posted_at(p_account bigint, p_version bigint, OUT o_at timestamptz, OUT o_balance bigint)
LANGUAGE sql STABLE AS $$
    SELECT e.written_at, p.balance FROM (
        (SELECT entry_id, from_balance AS balance FROM legs
          WHERE from_id = p_account AND from_shard = 0 AND from_version = p_version LIMIT 1)
        UNION ALL
        (SELECT entry_id, to_balance FROM legs
          WHERE to_id = p_account AND to_shard = 0 AND to_version = p_version LIMIT 1)) p
      JOIN entries e ON e.id = p.entry_id LIMIT 1
$$;
COMMENT ON FUNCTION ledger_posted_at IS 'When the row took the posting of that version, and its balance after';

CREATE FUNCTION ledger_balance_at(p_account bigint, p_moment timestamptz) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_account accounts;
    v_low     bigint := 0;   -- written at or before the moment
    v_high    bigint;        -- written after it
    v_mid     bigint;
    v_at      timestamptz;
    v_sum     bigint;
BEGIN
    SELECT * INTO v_account FROM accounts WHERE id = p_account;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF EXISTS (SELECT FROM legs WHERE to_id = p_account AND to_shard < 0)
       OR EXISTS (SELECT FROM legs WHERE to_id = p_account AND to_shard > 0)
       OR EXISTS (SELECT FROM legs WHERE from_id = p_account AND from_shard < 0)
       OR EXISTS (SELECT FROM legs WHERE from_id = p_account AND from_shard > 0)
       OR EXISTS (SELECT FROM tallies WHERE account_id = p_account) THEN
        SELECT coalesce(sum(p.amount_minor * CASE v_account.side WHEN p.side THEN 1 ELSE -1 END), 0)
          INTO v_sum FROM postings p JOIN entries e ON e.id = p.entry_id
         WHERE p.account_id = p_account AND e.written_at <= p_moment;
        RETURN v_sum;
    END IF;
    v_high := v_account.version + 1;
    WHILE v_high - v_low > 1 LOOP
        v_mid := (v_low + v_high) / 2;
        SELECT o_at INTO v_at FROM ledger_posted_at(p_account, v_mid);
        IF v_at <= p_moment THEN v_low := v_mid; ELSE v_high := v_mid; END IF;
    END LOOP;
    SELECT o_balance INTO v_sum FROM ledger_posted_at(p_account, v_low);
    RETURN coalesce(v_sum, 0);
END $$;
COMMENT ON FUNCTION ledger_balance_at IS 'The balance at a past moment of written_at: a search by version where every posting has one, else a sum of all';
