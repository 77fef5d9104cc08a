-- The one writer. In one call: who was first, the locked accounts, the limits, the hot accounts, then
-- entry, legs, tail, hold and outbox. Whatever it refuses it raises, and nothing stays.
--
-- KB001 below floor       KB002 above ceiling     KB003 limit passed      KB005 key conflict
-- KB006 already reversed  KB007 crosses books     KB008 unknown account   KB009 hold is not open
-- KB010 ask again         KB011 malformed draft   KB012 already answered  KB013 not to be reversed

CREATE FUNCTION ledger_limit_check(
    p_owner text[], p_counter text[], p_day date[], p_minor bigint[], p_times integer[],
    p_most_minor bigint[], p_most_times integer[]
) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
-- Raise for the first limit that would be passed.
DECLARE
    v_used usages;
BEGIN
    FOR i IN 1 .. coalesce(cardinality(p_owner), 0) LOOP
        SELECT * INTO v_used FROM usages
         WHERE owner = p_owner[i] AND counter = p_counter[i] AND day = p_day[i];
        IF coalesce(v_used.amount_minor, 0) + p_minor[i] > p_most_minor[i] THEN
            RAISE EXCEPTION 'limit % passed', p_counter[i] USING ERRCODE = 'KB003', DETAIL =
                json_build_object('counter', p_counter[i], 'by', 'value',
                                  'used', coalesce(v_used.amount_minor, 0))::text;
        ELSIF coalesce(v_used.times, 0) + p_times[i] > p_most_times[i] THEN
            RAISE EXCEPTION 'limit % passed', p_counter[i] USING ERRCODE = 'KB003', DETAIL =
                json_build_object('counter', p_counter[i], 'by', 'count',
                                  'used', coalesce(v_used.times, 0))::text;
        END IF;
    END LOOP;
END $$;
COMMENT ON FUNCTION ledger_limit_check IS 'Raise KB003 for the first limit that these usages would pass';

CREATE FUNCTION ledger_claim(
    p_scope text, p_key text, p_hash bytea, p_twin_of bigint, p_outcome jsonb
) RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
-- An answer that is no entry of its own. It has a number and, for a receipt, that number with a mark
-- that no receipt has.
DECLARE
    v_id bigint := nextval('entries_id_seq');
BEGIN
    INSERT INTO answers (id, scope, key, request_hash, twin_of, receipt, type, code, catalogue,
                         happened_at, legs, facts)
    VALUES (v_id, p_scope, p_key, p_hash, p_twin_of, '#' || v_id, '', 0, '', clock_timestamp(), -1,
            p_outcome)
    ON CONFLICT (key, scope) DO NOTHING;
    RETURN FOUND;
END $$;
COMMENT ON FUNCTION ledger_claim IS 'Answer a key by a twin''s entry or by an outcome; false when it was answered before';

CREATE FUNCTION ledger_stored(
    p_scope text, p_key text, p_hash bytea, p_quote text,
    OUT o_entry bigint, OUT o_receipt text, OUT o_accounts bigint[], OUT o_balances bigint[]
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
-- What was answered to a key, or to a quote under another key; nothing when neither was answered.
DECLARE
    v_answer idempotency;
BEGIN
    SELECT * INTO v_answer FROM idempotency WHERE scope = p_scope AND key = p_key;
    IF FOUND THEN
        IF v_answer.request_hash <> p_hash THEN
            RAISE EXCEPTION 'key % was used for another request', p_key USING ERRCODE = 'KB005';
        ELSIF v_answer.entry_id IS NULL THEN
            RAISE EXCEPTION 'key % was answered without an entry', p_key
                USING ERRCODE = 'KB012', DETAIL = v_answer.outcome::text;
        END IF;
        o_entry := v_answer.entry_id;
    ELSE
        SELECT id INTO o_entry FROM answers WHERE quote = p_quote;
        IF o_entry IS NOT NULL AND NOT ledger_claim(p_scope, p_key, p_hash, o_entry, '{}') THEN
            RAISE EXCEPTION 'a twin of % moved', p_key USING ERRCODE = 'KB010';
        END IF;
    END IF;
    SELECT receipt, accounts, balances INTO o_receipt, o_accounts, o_balances
      FROM answers WHERE id = o_entry;
END $$;
COMMENT ON FUNCTION ledger_stored IS 'The stored answer to a key or to an accepted quote, with the balances that it told';

CREATE FUNCTION ledger_take_row(
    p_account bigint, p_mode text, p_delta bigint, p_moved integer, p_held bigint,
    OUT o_balance bigint, OUT o_version bigint
) LANGUAGE plpgsql AS $$
-- Take from a row what its parts beside it may have to lend first. Raises KB001, or KB010 when the
-- mode has changed since the caller looked.
DECLARE
    v_gathered integer;
BEGIN
    LOOP
        UPDATE accounts a
           SET balance_minor = a.balance_minor + p_delta, held_minor = a.held_minor + p_held,
               version = a.version + p_moved
         WHERE a.id = p_account AND a.mode = p_mode
           AND (p_delta - p_held >= 0 OR a.floor_minor IS NULL
                OR a.balance_minor - a.held_minor + p_delta - p_held >= a.floor_minor)
        RETURNING a.balance_minor, a.version INTO o_balance, o_version;
        EXIT WHEN FOUND;
        PERFORM FROM accounts WHERE id = p_account AND mode = p_mode FOR NO KEY UPDATE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'account % changed its mode', p_account USING ERRCODE = 'KB010';
        END IF;
        v_gathered := ledger_fold_locked(p_account, 50000) + ledger_sweep_locked(p_account);
        IF v_gathered = 0 THEN
            UPDATE accounts a
               SET balance_minor = a.balance_minor + p_delta, held_minor = a.held_minor + p_held,
                   version = a.version + p_moved
             WHERE a.id = p_account AND a.balance_minor - a.held_minor + p_delta - p_held >= a.floor_minor
            RETURNING a.balance_minor, a.version INTO o_balance, o_version;
            EXIT WHEN FOUND;
            RAISE EXCEPTION 'account % would pass its floor', p_account USING ERRCODE = 'KB001',
                DETAIL = json_build_object('account', p_account)::text;
        END IF;
    END LOOP;
END $$;
COMMENT ON FUNCTION ledger_take_row IS 'Debit, credit or hold at an account''s row after gathering its tail and shards when it needs them';

CREATE FUNCTION ledger_take_shard(
    p_account bigint, p_shards smallint, p_delta bigint, p_moved integer, p_floored boolean,
    OUT o_shard smallint, OUT o_balance bigint, OUT o_version bigint
) LANGUAGE plpgsql AS $$
-- Try the shard of this connection, then the others; nothing found leaves o_shard null. An update that
-- waited and then finds too little keeps the lock all the same, so each try is undone that took nothing:
-- whoever goes on to the row while another sweeps must not hold a shard.
DECLARE
    v_first integer := pg_backend_pid();
BEGIN
    FOR i IN 0 .. p_shards - 1 LOOP
        BEGIN
            UPDATE shards s SET balance_minor = s.balance_minor + p_delta, version = s.version + p_moved
             WHERE s.account_id = p_account AND s.shard = 1 + (v_first + i) % p_shards
               AND (p_delta >= 0 OR NOT p_floored OR s.balance_minor + p_delta >= 0)
            RETURNING s.shard, s.balance_minor, s.version INTO o_shard, o_balance, o_version;
            EXIT WHEN FOUND;
            RAISE EXCEPTION 'too little here' USING ERRCODE = 'KB015';
        EXCEPTION WHEN SQLSTATE 'KB015' THEN
            NULL;
        END;
    END LOOP;
END $$;
COMMENT ON FUNCTION ledger_take_shard IS 'Debit or credit one shard that can bear it; o_shard is null when none can';

CREATE FUNCTION ledger_balance(p_account bigint) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT (a.balance_minor
            + coalesce((SELECT sum(delta_minor) FROM tail WHERE account_id = a.id), 0)
            + coalesce((SELECT sum(balance_minor) FROM shards WHERE account_id = a.id), 0))::bigint
      FROM accounts a WHERE a.id = p_account
$$;
COMMENT ON FUNCTION ledger_balance IS 'The whole balance of an account: its row, its tail and its shards';

CREATE FUNCTION ledger_ceiling_check(
    p_accounts bigint[], p_ceilings bigint[], p_credits bigint[], p_since integer
) RETURNS void LANGUAGE plpgsql AS $$
-- p_credits: what each would be credited. Looks at those not changed yet: locked ones from place
-- p_since on, and all others.
DECLARE
    v_account bigint;
BEGIN
    SELECT a.id INTO v_account
      FROM generate_series(1, cardinality(p_accounts)) place
     CROSS JOIN LATERAL (SELECT * FROM accounts WHERE id = p_accounts[place] OFFSET 0) a
     WHERE (place >= p_since OR a.mode <> 'locked')
       AND p_credits[place] * a.sign > 0
       AND ledger_balance(a.id) + p_credits[place] * a.sign
           > p_ceilings[place]
     ORDER BY a.id LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'account % would pass its ceiling', v_account USING ERRCODE = 'KB002',
            DETAIL = json_build_object('account', v_account)::text;
    END IF;
END $$;
COMMENT ON FUNCTION ledger_ceiling_check IS 'Raise KB002 for the first account that would pass its ceiling';

CREATE FUNCTION ledger_mirror(
    p_entry bigint, p_by bigint,
    OUT o_accounts bigint[], OUT o_locked integer,
    OUT o_from integer[], OUT o_to integer[], OUT o_amounts bigint[]
) LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
-- The legs that undo an entry: last leg first, from and to swapped. Claims the right to undo it.
BEGIN
    PERFORM FROM answers a WHERE a.id = p_entry AND a.reverses IS NULL AND a.legs > 0;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'entry % is not to be reversed', p_entry USING ERRCODE = 'KB013';
    END IF;
    INSERT INTO reversals (reversed_id, entry_id) VALUES (p_entry, p_by) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'entry % was reversed already', p_entry USING ERRCODE = 'KB006';
    END IF;
    SELECT array_agg(id ORDER BY mode <> 'locked', id), count(*) FILTER (WHERE mode = 'locked')
      INTO o_accounts, o_locked
      FROM accounts WHERE id IN (SELECT account_id FROM postings WHERE entry_id = p_entry);
    SELECT array_agg(array_position(o_accounts, to_id) ORDER BY leg DESC),
           array_agg(array_position(o_accounts, from_id) ORDER BY leg DESC),
           array_agg(amount_minor ORDER BY leg DESC)
      INTO o_from, o_to, o_amounts FROM legs WHERE entry_id = p_entry;
END $$;
COMMENT ON FUNCTION ledger_mirror IS 'All legs of an entry the other way round; KB013 when it moved nothing or is a reversal itself, KB006 when it was reversed';

CREATE FUNCTION ledger_blame(
    p_from integer[], p_to integer[], p_amounts bigint[], p_pot text[]
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. cardinality(p_amounts) LOOP
        IF p_from[i] IS NULL OR p_to[i] IS NULL OR p_pot[p_from[i]] IS NULL
           OR p_pot[p_to[i]] IS NULL THEN
            RAISE EXCEPTION 'leg % names an unknown account', i USING ERRCODE = 'KB008';
        ELSIF p_pot[p_from[i]] <> p_pot[p_to[i]] THEN
            RAISE EXCEPTION 'leg % crosses books or assets', i USING ERRCODE = 'KB007';
        ELSIF (p_amounts[i] > 0 AND p_from[i] <> p_to[i]) IS NOT TRUE THEN
            RAISE EXCEPTION 'leg % says nothing', i USING ERRCODE = 'KB011';
        END IF;
    END LOOP;
    RAISE EXCEPTION 'too many legs, or none' USING ERRCODE = 'KB011';
END $$;
COMMENT ON FUNCTION ledger_blame IS 'Say why legs could not be written: KB007, KB008 or KB011';
