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

CREATE FUNCTION ledger_last(p_account bigint, p_most integer)
RETURNS TABLE (
    entry_id bigint, receipt text, type text, happened_at timestamptz, written_at timestamptz,
    amount_minor bigint, balance_after bigint, other_id bigint, other_kind text, other_owner text,
    version bigint
) LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
-- Of each part of the account (its row, its tail, its shards) the newest postings in either direction:
-- so many steps of an index, however long its history, by a plan that is made once a connection.
BEGIN
    RETURN QUERY
    SELECT p.entry_id, e.receipt, e.type, e.happened_at, e.written_at,
           p.minor * a.sign, p.balance_after, p.other_id, o.kind, o.owner,
           CASE WHEN part.shard = 0 THEN p.version END
      FROM (SELECT 0 AS shard UNION ALL SELECT -1
            UNION ALL SELECT s.shard FROM shards s WHERE s.account_id = p_account) part
     CROSS JOIN LATERAL (SELECT * FROM (
        (SELECT l.entry_id, -l.amount_minor AS minor, l.from_version AS version,
                l.from_balance AS balance_after, l.to_id AS other_id
           FROM legs l WHERE l.from_id = p_account AND l.from_shard = part.shard
          ORDER BY l.from_version DESC LIMIT p_most)
        UNION ALL
        (SELECT l.entry_id, l.amount_minor, l.to_version, l.to_balance, l.from_id
           FROM legs l WHERE l.to_id = p_account AND l.to_shard = part.shard
          ORDER BY l.to_version DESC LIMIT p_most)) both_ways
         ORDER BY both_ways.version DESC LIMIT p_most) p
      JOIN accounts a ON a.id = p_account
      JOIN entries e ON e.id = p.entry_id
      JOIN accounts o ON o.id = p.other_id;
END $$;
COMMENT ON FUNCTION ledger_last IS 'The newest postings of an account, unordered: at least so many, if there are';
