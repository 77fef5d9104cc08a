-- ledger_post: everything that changes money goes through here, in this order.

CREATE FUNCTION ledger_post(
    p_scope text, p_key text, p_hash bytea,
    p_receipt text, p_type text, p_code integer, p_catalogue text, p_happened_at timestamptz,
    p_facts jsonb, p_quote text, p_reverses bigint,
    p_accounts bigint[],             -- each account once: locked ones ascending, then hot ones
    p_locked integer,                -- how many of them the caller believes to be locked
    p_ceilings bigint[],             -- null, or the most that each of them may hold
    p_from integer[], p_to integer[], p_amounts bigint[],   -- legs, by place in p_accounts
    p_hold_of integer, p_hold_minor bigint, p_hold_until timestamptz,  -- a new hold, by place
    p_settles bigint, p_hold_end text,                                 -- or the end of one
    p_use_owner text[], p_use_counter text[], p_use_day date[], p_use_minor bigint[],
    p_use_times integer[], p_use_most_minor bigint[], p_use_most_times integer[],
    p_say_kind text[], p_say_address text[], p_say_template text[], p_say_language text[],
    p_say_facts jsonb[], p_say_balance integer[],           -- by place in p_accounts
    OUT o_entry bigint,
    OUT o_accounts bigint[],         -- of a reversal; else those that were given
    OUT o_balances bigint[],         -- of locked accounts, by place; null for hot ones
    OUT o_used_minor bigint[], OUT o_used_times integer[]
) LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
-- PL/pgSQL prepares every expression anew in every transaction, at nearly a microsecond each, and
-- every statement at five: so few, large ones, and what is rare stands in a branch of its own.
DECLARE
    v_delta    bigint[];   -- net of the entry, credits positive
    v_own      bigint[];   -- the same of hot accounts, in their own direction
    v_held     bigint[];   -- change of what is held
    v_version  bigint[];   -- null is the tail
    v_partly   integer[];  -- hot accounts of which o_balances knows the part that took it
    v_shard    smallint[]; -- null is the row
    v_pot      text[];
    v_hot      bigint[];   -- ids that the caller did not know to be hot
    v_tail     integer[];
    v_account  record;
    v_hold     record;
    v_net bigint; v_bal bigint; v_ver bigint; v_kin text; v_num smallint; v_times integer; v_place integer;
BEGIN
    -- 1. Who was first: a key is claimed once. A twin fails here; ledger_stored has its answer.
    o_entry := nextval('entries_id_seq');
    INSERT INTO idempotency (scope, key, request_hash, entry_id)
    VALUES (p_scope, p_key, p_hash, o_entry);

    -- 2. What it moves.
    IF p_reverses IS NOT NULL THEN
        SELECT * INTO p_accounts, p_locked, p_from, p_to, p_amounts
          FROM ledger_mirror(p_reverses, o_entry);
        o_accounts := p_accounts;
    END IF;
    FOR i IN 1 .. cardinality(p_amounts) LOOP
        v_delta[p_from[i]] := coalesce(v_delta[p_from[i]], 0) - p_amounts[i];
        v_delta[p_to[i]] := coalesce(v_delta[p_to[i]], 0) + p_amounts[i];
    END LOOP;
    IF p_hold_of IS NOT NULL OR p_settles IS NOT NULL THEN
        p_locked := 0;  -- what is held changes in step 5
        IF p_hold_of IS NOT NULL THEN
            v_held[p_hold_of] := p_hold_minor;
            INSERT INTO holds (id, account_id, amount_minor, expires_at)
            VALUES (o_entry, p_accounts[p_hold_of], p_hold_minor, p_hold_until);
        ELSE
            UPDATE holds h SET state = p_hold_end, ended_by = o_entry
              FROM accounts a
             WHERE h.id = p_settles AND h.state = 'open' AND a.id = h.account_id
               AND (p_hold_end <> 'expired' OR h.expires_at <= p_happened_at)
            RETURNING h.account_id, h.amount_minor, a.sign
                 INTO v_hold;
            v_place := array_position(p_accounts, v_hold.account_id);
            IF v_place IS NULL
               OR v_hold.amount_minor + coalesce(v_delta[v_place], 0) * v_hold.sign < 0 THEN
                RAISE EXCEPTION 'hold % is not open for this', p_settles USING ERRCODE = 'KB009';
            END IF;
            v_held[v_place] := -v_hold.amount_minor;
        END IF;
    END IF;

    -- 3. Locked accounts in order of id: check and change are one statement.
    FOR n IN 1 .. p_locked LOOP
        v_net := v_delta[n];
        UPDATE accounts a SET balance_minor = a.balance_minor + v_net * a.sign, version = a.version + 1
         WHERE a.id = p_accounts[n] AND a.mode = 'locked'
           AND (a.balance_minor - a.held_minor + v_net * a.sign >= a.floor_minor) IS NOT FALSE
        RETURNING a.balance_minor, a.version, a.pot INTO v_bal, v_ver, v_kin;
        IF NOT FOUND OR v_bal > p_ceilings[n] THEN
            SELECT * INTO v_account FROM accounts WHERE id = p_accounts[n];
            IF v_account.id IS NULL THEN
                RAISE EXCEPTION 'account % is unknown', p_accounts[n] USING ERRCODE = 'KB008';
            ELSIF v_account.mode <> 'locked' THEN
                v_hot := v_hot || v_account.id; o_balances[n] := NULL;
                CONTINUE;
            ELSIF v_bal IS NULL OR v_net * v_account.sign > 0 THEN
                -- limits are said before ceilings, and ceilings before funds
                PERFORM ledger_limit_check(p_use_owner, p_use_counter, p_use_day, p_use_minor,
                                           p_use_times, p_use_most_minor, p_use_most_times);
                IF v_bal > p_ceilings[n] THEN
                    RAISE EXCEPTION 'account % would pass its ceiling', v_account.id USING
                        ERRCODE = 'KB002', DETAIL = json_build_object('account', v_account.id)::text;
                END IF;
                PERFORM ledger_ceiling_check(p_accounts, p_ceilings, v_delta, n);
                v_kin := v_account.pot;
                SELECT * INTO v_bal, v_ver
                  FROM ledger_take_row(v_account.id, 'locked', v_net * v_account.sign, 1, 0);
            END IF;
        END IF;
        o_balances[n] := v_bal; v_version[n] := v_ver; v_pot[n] := v_kin;
    END LOOP;

    -- 4. Limits used, in the order given (the caller sorts them).
    IF p_use_owner IS NOT NULL THEN
        FOR i IN 1 .. cardinality(p_use_owner) LOOP
            INSERT INTO usages AS u (owner, counter, day, amount_minor, times)
            SELECT p_use_owner[i], p_use_counter[i], p_use_day[i],
                   greatest(0, p_use_minor[i]), greatest(0, p_use_times[i])
             WHERE (p_use_minor[i] <= p_use_most_minor[i] AND p_use_times[i] <= p_use_most_times[i])
                   IS NOT FALSE
            ON CONFLICT (owner, counter, day) DO UPDATE
               SET amount_minor = greatest(0, u.amount_minor + p_use_minor[i]),
                   times = greatest(0, u.times + p_use_times[i])
             WHERE (u.amount_minor + p_use_minor[i] <= p_use_most_minor[i]
                    AND u.times + p_use_times[i] <= p_use_most_times[i]) IS NOT FALSE
            RETURNING u.amount_minor, u.times INTO v_bal, v_times;
            IF NOT FOUND THEN
                PERFORM ledger_limit_check(p_use_owner, p_use_counter, p_use_day, p_use_minor,
                                           p_use_times, p_use_most_minor, p_use_most_times);
                RAISE EXCEPTION 'a limit moved' USING ERRCODE = 'KB010';
            END IF;
            o_used_minor[i] := v_bal; o_used_times[i] := v_times;
        END LOOP;
    END IF;

    -- 5. Hot accounts last: append, or take a shard, or the row.
    IF v_hot IS NOT NULL OR p_locked < cardinality(p_accounts) THEN
        FOR v_account IN
            SELECT a.*, coalesce(v_delta[a.place], 0) * a.sign AS delta, p_ceilings[a.place] AS ceiling,
                   coalesce(v_held[a.place], 0) AS held, (v_delta[a.place] IS NOT NULL)::integer AS moved
              FROM (SELECT id, mode, floor_minor, shards, pot, sign,
                           array_position(p_accounts, id) AS place FROM accounts
                     WHERE id = ANY (p_accounts[p_locked + 1:] || v_hot) ORDER BY id OFFSET 0) a
        LOOP
            v_pot[v_account.place] := v_account.pot; v_own[v_account.place] := v_account.delta;
            IF v_account.ceiling IS NULL AND v_account.mode = 'tallied' AND v_account.held = 0
               AND (v_account.delta >= 0 OR v_account.floor_minor IS NULL) THEN
                v_tail := v_tail || v_account.place; v_shard[v_account.place] := -1;
                CONTINUE;
            END IF;
            PERFORM ledger_ceiling_check(p_accounts, p_ceilings, v_delta, p_locked + 1);
            v_num := NULL;
            IF v_account.mode = 'tallied' AND v_account.held = 0 AND v_account.delta >= 0 THEN
                v_tail := v_tail || v_account.place; v_shard[v_account.place] := -1;
                CONTINUE;
            END IF;
            IF v_account.mode = 'sharded' AND v_account.held = 0 THEN
                SELECT * INTO v_num, v_bal, v_ver FROM ledger_take_shard(
                    v_account.id, v_account.shards, v_account.delta, v_account.moved,
                    v_account.floor_minor IS NOT NULL);
            END IF;
            IF v_num IS NULL THEN
                SELECT 0, * INTO v_num, v_bal, v_ver FROM ledger_take_row(
                    v_account.id, v_account.mode, v_account.delta, v_account.moved, v_account.held);
            END IF;
            v_shard[v_account.place] := v_num; v_version[v_account.place] := v_ver;
            o_balances[v_account.place] := v_bal;
            IF v_account.mode <> 'locked' THEN
                v_partly := v_partly || v_account.place;
            END IF;
        END LOOP;
        INSERT INTO tail (account_id, entry_id, delta_minor)
        SELECT p_accounts[place], o_entry, v_own[place]
          FROM (SELECT unnest(v_tail) AS place) t WHERE v_own[place] <> 0;
    END IF;

    -- 6. The entry and its legs, each with the version and the balance of either side after it.
    INSERT INTO entries (id, receipt, type, code, catalogue, happened_at, facts, quote, reverses,
                         settles, legs)
    VALUES (o_entry, p_receipt, p_type, p_code, p_catalogue, p_happened_at, p_facts, p_quote,
            p_reverses, p_settles, cardinality(p_amounts));
    INSERT INTO legs (entry_id, leg, from_id, to_id, amount_minor, from_version, from_balance,
                      to_version, to_balance, from_shard, to_shard)
    SELECT o_entry, i, p_accounts[f], p_accounts[t], p_amounts[i],
           coalesce(v_version[f], o_entry), o_balances[f],
           coalesce(v_version[t], o_entry), o_balances[t],
           coalesce(v_shard[f], 0), coalesce(v_shard[t], 0)
      FROM (SELECT i, p_from[i] AS f, p_to[i] AS t
              FROM (SELECT generate_series(1, cardinality(p_amounts)) AS i) s) s
     WHERE p_amounts[i] > 0 AND f <> t AND v_pot[f] = v_pot[t];
    GET DIAGNOSTICS v_times = ROW_COUNT;
    IF v_times <> cardinality(p_amounts) OR v_times > 64
       OR (v_times = 0 AND p_hold_of IS NULL AND p_settles IS NULL) THEN
        PERFORM ledger_blame(p_from, p_to, p_amounts, v_pot);
    END IF;

    -- 7. What must be said, with the balance it speaks of; a part of an account is not its balance.
    IF v_partly IS NOT NULL THEN
        FOREACH v_place IN ARRAY v_partly LOOP
            o_balances[v_place] := NULL;
        END LOOP;
    END IF;
    IF p_say_kind IS NOT NULL THEN
        INSERT INTO outbox (entry_id, kind, address, template, language, balance_of, due_at, facts)
        SELECT o_entry, p_say_kind[i], p_say_address[i], p_say_template[i], p_say_language[i],
               p_accounts[p_say_balance[i]], p_happened_at,
               CASE WHEN o_balances[p_say_balance[i]] IS NULL THEN p_say_facts[i]
                    ELSE p_say_facts[i] || jsonb_build_object('balance', o_balances[p_say_balance[i]])
               END
          FROM (SELECT generate_series(1, cardinality(p_say_kind)) AS i) s;
    END IF;
END $$;
COMMENT ON FUNCTION ledger_post IS 'The one writer: one entry with all that belongs to it, in one round trip, once per key';

CREATE FUNCTION ledger_remember(p_scope text, p_key text, p_hash bytea, p_outcome jsonb)
RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_claim idempotency;
BEGIN
    INSERT INTO idempotency (scope, key, request_hash, outcome)
    VALUES (p_scope, p_key, p_hash, p_outcome) ON CONFLICT DO NOTHING;
    SELECT * INTO v_claim FROM idempotency WHERE scope = p_scope AND key = p_key;
    IF v_claim.request_hash <> p_hash THEN
        RAISE EXCEPTION 'key % was used for another request', p_key USING ERRCODE = 'KB005';
    ELSIF v_claim.entry_id IS NOT NULL THEN
        RAISE EXCEPTION 'key % was answered by an entry', p_key USING ERRCODE = 'KB014',
            DETAIL = json_build_object('entry', v_claim.entry_id)::text;
    END IF;
    RETURN v_claim.outcome;
END $$;
COMMENT ON FUNCTION ledger_remember IS 'Keep the outcome of a request that moved no money; whoever came first is returned';
