-- ledger_post: everything that changes money goes through here, in this order.

CREATE FUNCTION ledger_post(
    p_scope text, p_key text, p_hash bytea,
    p_receipt text, p_type text, p_code integer, p_catalogue text, p_happened_at timestamptz,
    p_facts jsonb, p_quote text, p_reverses bigint,
    p_accounts bigint[],             -- each account once, ascending: the order of locks
    p_ceilings bigint[],             -- null, or the most that each of them may hold
    p_from integer[], p_to integer[], p_amounts bigint[],   -- legs, by place in p_accounts
    p_hold_of integer, p_hold_minor bigint, p_hold_until timestamptz,  -- a new hold, by place
    p_settles bigint, p_hold_end text,                                 -- or the end of one
    p_use_owner text[], p_use_counter text[], p_use_day date[], p_use_minor bigint[],
    p_use_times integer[], p_use_most_minor bigint[], p_use_most_times integer[],
    p_say_kind text[], p_say_address text[], p_say_template text[], p_say_language text[],
    p_say_facts jsonb[], p_say_balance integer[],           -- by place in p_accounts
    OUT o_entry bigint, OUT o_replayed boolean, OUT o_receipt text,
    OUT o_accounts bigint[], OUT o_balances bigint[],
    OUT o_used_minor bigint[], OUT o_used_times integer[]
) LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    v_count    integer;
    v_legs     integer;
    v_delta    bigint[];   -- net of the entry, in the account's own direction
    v_moves    integer[];  -- postings per account
    v_held     bigint[];   -- change of what is held
    v_balance  bigint[];
    v_version  bigint[];
    v_shard    smallint[];
    v_sign     integer[];
    v_pot      text[];
    v_hot      integer[];
    v_tail     boolean := false;
    v_from_version bigint[]; v_from_balance bigint[];
    v_to_version bigint[]; v_to_balance bigint[];
    v_account  record;
    v_hold     holds;
    v_place    integer;
    v_bal bigint; v_ver bigint; v_part smallint; v_times integer;
    f integer; t integer; n integer := 0;
BEGIN
    -- 1. Who was first: a key is claimed once, and so is a quote.
    INSERT INTO idempotency (scope, key, request_hash, entry_id)
    SELECT p_scope, p_key, p_hash, nextval('entries_id_seq')
     WHERE NOT EXISTS (SELECT FROM entries WHERE quote = p_quote)
    ON CONFLICT DO NOTHING RETURNING entry_id INTO o_entry;
    IF o_entry IS NULL THEN
        SELECT s.*, true INTO o_entry, o_receipt, o_accounts, o_balances, o_replayed
          FROM ledger_stored(p_scope, p_key, p_hash, p_quote) s;
        RETURN;
    END IF;

    -- 2. What it moves.
    IF p_reverses IS NOT NULL THEN
        SELECT * INTO p_accounts, p_from, p_to, p_amounts FROM ledger_mirror(p_reverses);
    END IF;
    v_count := coalesce(cardinality(p_accounts), 0);
    v_legs := coalesce(cardinality(p_amounts), 0);
    IF v_legs > 64 OR v_count > 64 OR cardinality(p_use_owner) > 16 OR cardinality(p_say_kind) > 32
       OR v_legs <> coalesce(cardinality(p_from), 0) OR v_legs <> coalesce(cardinality(p_to), 0)
       OR (v_legs = 0 AND p_hold_of IS NULL AND p_settles IS NULL) THEN
        RAISE EXCEPTION 'too many parts, or none' USING ERRCODE = 'KB011';
    END IF;
    v_delta := array_fill(0::bigint, ARRAY[v_count]);
    v_held := v_delta;
    v_moves := array_fill(0, ARRAY[v_count]);
    FOR i IN 1 .. v_legs LOOP
        f := p_from[i]; t := p_to[i];
        IF (p_amounts[i] > 0 AND f <> t AND f BETWEEN 1 AND v_count AND t BETWEEN 1 AND v_count)
           IS NOT TRUE THEN
            RAISE EXCEPTION 'leg % says nothing', i USING ERRCODE = 'KB011';
        END IF;
        v_delta[f] := v_delta[f] - p_amounts[i]; v_moves[f] := v_moves[f] + 1;
        v_delta[t] := v_delta[t] + p_amounts[i]; v_moves[t] := v_moves[t] + 1;
    END LOOP;
    IF p_settles IS NOT NULL THEN
        UPDATE holds SET state = p_hold_end, ended_by = o_entry
         WHERE id = p_settles AND state = 'open'
           AND (p_hold_end <> 'expired' OR expires_at <= p_happened_at)
        RETURNING * INTO v_hold;
        v_place := array_position(p_accounts, v_hold.account_id);
        IF v_place IS NULL THEN
            RAISE EXCEPTION 'hold % is not open for this', p_settles USING ERRCODE = 'KB009';
        END IF;
        v_held[v_place] := -v_hold.amount_minor;
    ELSIF p_hold_of IS NOT NULL THEN
        v_held[p_hold_of] := p_hold_minor;
    END IF;

    -- 3. Locked accounts in order of id: check and change are one statement.
    FOR v_account IN SELECT id, mode, side, book, asset FROM accounts
                      WHERE id = ANY (p_accounts) ORDER BY id LOOP
        n := n + 1;
        IF v_account.id IS DISTINCT FROM p_accounts[n] THEN
            RAISE EXCEPTION 'accounts are not in order' USING ERRCODE = 'KB011';
        END IF;
        v_pot[n] := v_account.book || v_account.asset;
        v_sign[n] := CASE v_account.side WHEN 'credit' THEN 1 ELSE -1 END;
        v_delta[n] := v_delta[n] * v_sign[n];
        IF v_account.mode <> 'locked' THEN
            v_hot := v_hot || n;
            CONTINUE;
        END IF;
        UPDATE accounts a
           SET balance_minor = a.balance_minor + v_delta[n], held_minor = a.held_minor + v_held[n],
               version = a.version + v_moves[n]
         WHERE a.id = v_account.id AND a.mode = 'locked'
           AND (v_delta[n] - v_held[n] >= 0 OR a.floor_minor IS NULL
                OR a.balance_minor - a.held_minor + v_delta[n] - v_held[n] >= a.floor_minor)
        RETURNING a.balance_minor, a.version INTO v_bal, v_ver;
        IF NOT FOUND THEN  -- limits and ceilings are said before funds
            PERFORM ledger_limit_check(p_use_owner, p_use_counter, p_use_day, p_use_minor,
                                       p_use_times, p_use_most_minor, p_use_most_times);
            PERFORM ledger_ceiling_check(p_accounts, p_ceilings, v_delta, n);
            SELECT * INTO v_bal, v_ver
              FROM ledger_take_row(v_account.id, 'locked', v_delta[n], v_moves[n], v_held[n]);
        ELSIF v_delta[n] > 0 AND v_bal > p_ceilings[n] THEN
            PERFORM ledger_limit_check(p_use_owner, p_use_counter, p_use_day, p_use_minor,
                                       p_use_times, p_use_most_minor, p_use_most_times);
            RAISE EXCEPTION 'account % would pass its ceiling', v_account.id USING ERRCODE = 'KB002',
                DETAIL = json_build_object('account', v_account.id)::text;
        END IF;
        v_balance[n] := v_bal; v_version[n] := v_ver; v_shard[n] := 0;
    END LOOP;
    IF n < v_count THEN
        RAISE EXCEPTION 'an account is unknown' USING ERRCODE = 'KB008';
    END IF;
    FOR i IN 1 .. v_legs LOOP
        IF v_pot[p_from[i]] <> v_pot[p_to[i]] THEN
            RAISE EXCEPTION 'leg % crosses books or assets', i USING ERRCODE = 'KB007';
        END IF;
    END LOOP;

    -- 4. Limits used, in the order given (the caller sorts them).
    FOR i IN 1 .. coalesce(cardinality(p_use_owner), 0) LOOP
        INSERT INTO usages AS u (owner, counter, day, amount_minor, times)
        SELECT p_use_owner[i], p_use_counter[i], p_use_day[i], p_use_minor[i], p_use_times[i]
         WHERE (p_use_minor[i] <= p_use_most_minor[i] AND p_use_times[i] <= p_use_most_times[i])
               IS NOT FALSE
        ON CONFLICT (owner, counter, day) DO UPDATE
           SET amount_minor = u.amount_minor + excluded.amount_minor, times = u.times + excluded.times
         WHERE (u.amount_minor + excluded.amount_minor <= p_use_most_minor[i]
                AND u.times + excluded.times <= p_use_most_times[i]) IS NOT FALSE
        RETURNING u.amount_minor, u.times INTO v_bal, v_times;
        IF NOT FOUND THEN
            PERFORM ledger_limit_check(p_use_owner, p_use_counter, p_use_day, p_use_minor,
                                       p_use_times, p_use_most_minor, p_use_most_times);
            RAISE EXCEPTION 'a limit moved' USING ERRCODE = 'KB010';
        END IF;
        o_used_minor[i] := v_bal; o_used_times[i] := v_times;
    END LOOP;

    -- 5. Hot accounts last: append, else take a shard, else the row.
    FOREACH n IN ARRAY coalesce(v_hot, '{}') LOOP
        SELECT id, mode, floor_minor, shards INTO v_account FROM accounts WHERE id = p_accounts[n];
        IF v_delta[n] > 0 AND p_ceilings[n] IS NOT NULL
           AND ledger_balance(v_account.id) + v_delta[n] > p_ceilings[n] THEN
            RAISE EXCEPTION 'account % would pass its ceiling', v_account.id USING ERRCODE = 'KB002',
                DETAIL = json_build_object('account', v_account.id)::text;
        END IF;
        v_part := NULL;
        IF v_account.mode = 'tallied' AND v_held[n] = 0
           AND (v_delta[n] >= 0 OR v_account.floor_minor IS NULL) THEN
            v_tail := true; v_shard[n] := -1;
            CONTINUE;
        ELSIF v_account.mode = 'sharded' AND v_held[n] = 0 THEN
            SELECT * INTO v_part, v_bal, v_ver FROM ledger_take_shard(
                v_account.id, v_account.shards, v_delta[n], v_moves[n],
                v_account.floor_minor IS NOT NULL);
        END IF;
        IF v_part IS NULL THEN
            SELECT 0, * INTO v_part, v_bal, v_ver FROM ledger_take_row(
                v_account.id, v_account.mode, v_delta[n], v_moves[n], v_held[n]);
        END IF;
        v_balance[n] := v_bal; v_version[n] := v_ver; v_shard[n] := v_part;
    END LOOP;
    IF p_settles IS NOT NULL AND -v_delta[v_place] > v_hold.amount_minor THEN
        RAISE EXCEPTION 'hold % is smaller', p_settles USING ERRCODE = 'KB009';
    END IF;

    -- 6. The entry; the balance after each posting is told backwards from the last.
    INSERT INTO entries (id, receipt, type, code, catalogue, happened_at, facts, quote, reverses,
                         settles, legs)
    VALUES (o_entry, p_receipt, p_type, p_code, p_catalogue, p_happened_at, p_facts, p_quote,
            p_reverses, p_settles, v_legs);
    IF v_legs > 0 THEN
        o_balances := v_balance;
        FOR i IN REVERSE v_legs .. 1 LOOP
            f := p_from[i]; t := p_to[i];
            v_from_balance[i] := v_balance[f]; v_from_version[i] := v_version[f];
            v_to_balance[i] := v_balance[t]; v_to_version[i] := v_version[t];
            v_balance[f] := v_balance[f] + p_amounts[i] * v_sign[f]; v_version[f] := v_version[f] - 1;
            v_balance[t] := v_balance[t] - p_amounts[i] * v_sign[t]; v_version[t] := v_version[t] - 1;
        END LOOP;
        v_balance := o_balances;
        INSERT INTO legs (entry_id, leg, from_id, to_id, amount_minor, from_version, from_balance,
                          to_version, to_balance, from_shard, to_shard)
        SELECT o_entry, i, p_accounts[p_from[i]], p_accounts[p_to[i]], p_amounts[i],
               v_from_version[i], v_from_balance[i], v_to_version[i], v_to_balance[i],
               v_shard[p_from[i]], v_shard[p_to[i]]
          FROM (SELECT generate_series(1, v_legs) AS i) s;
    END IF;
    IF v_tail THEN
        INSERT INTO tail (account_id, entry_id, delta_minor)
        SELECT p_accounts[i], o_entry, v_delta[i] FROM (SELECT unnest(v_hot) AS i) s
         WHERE v_shard[i] = -1 AND v_delta[i] <> 0;
    END IF;
    IF p_hold_of IS NOT NULL THEN
        INSERT INTO holds (id, account_id, amount_minor, expires_at)
        VALUES (o_entry, p_accounts[p_hold_of], p_hold_minor, p_hold_until);
    END IF;

    -- 7. What must be said, with the balance it speaks of.
    IF p_say_kind IS NOT NULL THEN
        INSERT INTO outbox (entry_id, kind, address, template, language, balance_of, due_at, facts)
        SELECT o_entry, p_say_kind[i], p_say_address[i], p_say_template[i], p_say_language[i],
               p_accounts[p_say_balance[i]], p_happened_at,
               CASE WHEN v_shard[p_say_balance[i]] = 0 AND p_say_balance[i] <> ALL (coalesce(v_hot, '{}'))
                    THEN p_say_facts[i] || jsonb_build_object('balance', v_balance[p_say_balance[i]])
                    ELSE p_say_facts[i] END
          FROM (SELECT generate_series(1, cardinality(p_say_kind)) AS i) s;
    END IF;
    SELECT array_agg(p_accounts[i]), array_agg(v_balance[i]) INTO o_accounts, o_balances
      FROM (SELECT generate_series(1, v_count) AS i) s WHERE v_shard[i] = 0;
    o_receipt := p_receipt; o_replayed := false;
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
