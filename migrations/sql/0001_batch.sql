-- ledger_post_many: the same as ledger_post for many plain entries of one type, all or none, with one
-- statement a table. Plain: between locked accounts, and credits to tallied ones.

CREATE FUNCTION ledger_post_many(
    p_scope text, p_keys text[], p_hashes bytea[], p_receipts text[], p_facts jsonb[],
    p_type text, p_code integer, p_catalogue text, p_happened_at timestamptz,
    p_entry integer[], p_from bigint[], p_to bigint[], p_amounts bigint[],  -- legs; which entry, by place
    OUT o_entries bigint[]
) LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
    v_done  integer;
    v_short bigint;
BEGIN
    IF cardinality(p_keys) NOT BETWEEN 1 AND 1000 OR cardinality(p_amounts) NOT BETWEEN 1 AND 4000
       OR (SELECT count(DISTINCT place) FROM unnest(p_entry) place
            WHERE place BETWEEN 1 AND cardinality(p_keys)) <> cardinality(p_keys) THEN
        RAISE EXCEPTION 'too many entries or legs, or none' USING ERRCODE = 'KB011';
    END IF;
    SELECT array_agg(id ORDER BY id) INTO o_entries
      FROM (SELECT nextval('entries_id_seq') AS id FROM generate_series(1, cardinality(p_keys))) s;
    PERFORM FROM accounts WHERE id = ANY (p_from || p_to) AND mode = 'locked'
      ORDER BY id FOR NO KEY UPDATE;
    -- Each side of each leg, with what its account holds after the whole entry. The rows are locked, so
    -- what is read here is what is changed below.
    WITH sides AS MATERIALIZED (
        SELECT l.nth, l.place, l.gives, l.account, l.amount, a.mode, a.pot,
               l.credit * a.sign AS delta, a.version + dense_rank() OVER w AS version,
               (a.balance_minor + sum(l.credit * a.sign) OVER w)::bigint AS balance,
               (a.balance_minor - a.held_minor + sum(l.credit * a.sign) OVER w < a.floor_minor)
               IS TRUE AS short
          FROM (SELECT unnest(p_from) AS account, true AS gives, -unnest(p_amounts) AS credit,
                       unnest(p_amounts) AS amount, unnest(p_entry) AS place,
                       generate_series(1, cardinality(p_amounts)) AS nth
                UNION ALL
                SELECT unnest(p_to), false, unnest(p_amounts), unnest(p_amounts), unnest(p_entry),
                       generate_series(1, cardinality(p_amounts))) l
          JOIN accounts a ON a.id = l.account
        WINDOW w AS (PARTITION BY l.account, a.sign, a.balance_minor ORDER BY l.place)),
    changed AS (
        UPDATE accounts a SET balance_minor = a.balance_minor + t.total, version = t.version
          FROM (SELECT account, sum(delta)::bigint AS total, max(version) AS version
                  FROM sides WHERE mode = 'locked' GROUP BY account) t
         WHERE a.id = t.account AND a.mode = 'locked'
        RETURNING 1),
    appended AS (
        INSERT INTO tail (account_id, entry_id, delta_minor)
        SELECT account, o_entries[place], sum(delta) FROM sides WHERE mode = 'tallied'
         GROUP BY account, place HAVING sum(delta) <> 0),
    headed AS (
        INSERT INTO answers (id, scope, key, request_hash, receipt, type, code, catalogue,
                             happened_at, facts, legs)
        SELECT id, p_scope, key, hash, receipt, p_type, p_code, p_catalogue, p_happened_at, fact,
               cardinality(array_positions(p_entry, place::integer))
          FROM unnest(o_entries, p_keys, p_hashes, p_receipts, p_facts)
               WITH ORDINALITY x(id, key, hash, receipt, fact, place)
         WHERE (SELECT count(*) FROM changed) >= 0),
    written AS (
        INSERT INTO legs (entry_id, leg, from_id, to_id, amount_minor, from_version, from_balance,
                          to_version, to_balance, from_shard, to_shard)
        SELECT o_entries[place], row_number() OVER (PARTITION BY place ORDER BY nth), from_id, to_id,
               amount, CASE from_mode WHEN 'locked' THEN from_version ELSE o_entries[place] END,
               CASE from_mode WHEN 'locked' THEN from_balance END,
               CASE to_mode WHEN 'locked' THEN to_version ELSE o_entries[place] END,
               CASE to_mode WHEN 'locked' THEN to_balance END,
               CASE from_mode WHEN 'locked' THEN 0 ELSE -1 END,
               CASE to_mode WHEN 'locked' THEN 0 ELSE -1 END
          FROM (SELECT nth, min(place) AS place, min(amount) AS amount,
                       max(account) FILTER (WHERE gives) AS from_id,
                       max(account) FILTER (WHERE NOT gives) AS to_id,
                       max(version) FILTER (WHERE gives) AS from_version,
                       max(version) FILTER (WHERE NOT gives) AS to_version,
                       max(balance) FILTER (WHERE gives) AS from_balance,
                       max(balance) FILTER (WHERE NOT gives) AS to_balance,
                       max(mode) FILTER (WHERE gives) AS from_mode,
                       max(mode) FILTER (WHERE NOT gives) AS to_mode
                  FROM sides GROUP BY nth
                HAVING count(*) = 2 AND min(pot) = max(pot) AND min(amount) > 0
                       AND min(account) <> max(account) AND bool_and(mode IN ('locked', 'tallied'))
                       AND NOT bool_or(short AND (mode = 'locked' OR delta < 0))) legs
        RETURNING 1)
    SELECT (SELECT count(*) FROM written),
           (SELECT min(account) FROM sides WHERE short AND mode = 'locked')
      INTO v_done, v_short;
    IF v_done <> cardinality(p_amounts) THEN
        PERFORM ledger_blame_many(p_from, p_to, p_amounts, v_short);
    END IF;
END $$;
COMMENT ON FUNCTION ledger_post_many IS 'The one writer for many plain entries in one commit, all or none';

CREATE FUNCTION ledger_blame_many(
    p_from bigint[], p_to bigint[], p_amounts bigint[], p_short bigint
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_leg record;
BEGIN
    FOR v_leg IN
        SELECT l.amount, l.from_id, l.to_id, f.pot AS from_pot, t.pot AS to_pot
          FROM unnest(p_from, p_to, p_amounts) l(from_id, to_id, amount)
          LEFT JOIN accounts f ON f.id = l.from_id LEFT JOIN accounts t ON t.id = l.to_id
    LOOP
        IF v_leg.from_pot IS NULL OR v_leg.to_pot IS NULL THEN
            RAISE EXCEPTION 'an account is unknown' USING ERRCODE = 'KB008';
        ELSIF v_leg.from_pot <> v_leg.to_pot THEN
            RAISE EXCEPTION 'a leg crosses books or assets' USING ERRCODE = 'KB007';
        ELSIF (v_leg.amount > 0 AND v_leg.from_id <> v_leg.to_id) IS NOT TRUE THEN
            RAISE EXCEPTION 'a leg says nothing' USING ERRCODE = 'KB011';
        END IF;
    END LOOP;
    IF p_short IS NOT NULL THEN
        RAISE EXCEPTION 'account % would pass its floor', p_short USING ERRCODE = 'KB001',
            DETAIL = json_build_object('account', p_short)::text;
    END IF;
    RAISE EXCEPTION 'a hot account gives in no batch' USING ERRCODE = 'KB011';
END $$;
COMMENT ON FUNCTION ledger_blame_many IS 'Say why a batch could not be written: KB001, KB007, KB008 or KB011';
