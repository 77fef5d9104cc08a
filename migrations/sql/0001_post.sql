-- ledger_post: everything that changes money goes through here, in this order.
--
-- It has no SET clause, which would cost every call; so whatever it names it names with its schema, and
-- the functions that it seldom calls have one.

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
    p_say_facts jsonb[], p_say_balance bigint[]             -- whose balance each tells, by account
) RETURNS public.ledger_written LANGUAGE plpgsql SECURITY DEFINER AS $$
-- PL/pgSQL prepares every expression anew in every transaction, at nearly a microsecond each, and
-- every statement costs five: so few of either, and what is rare stands in functions of its own.
DECLARE
    o_entry    bigint;
    o_accounts bigint[];
    o_balances bigint[];
    o_used_minor bigint[];
    o_used_times integer[];
    v_delta   bigint[];    -- net of the entry, credits positive
    v_held    bigint[];    -- change of what is held
    v_version bigint[];    -- null is the tail
    v_shard   smallint[];  -- of hot accounts; null is the tail
    v_parts   bigint[];    -- of hot accounts: what the part that took it holds
    v_pot     text[];
    v_minor   bigint;
    v_count   integer;
    v_plain   boolean[];   -- of hot accounts: whether to append was enough
BEGIN
    -- 1. What it moves.
    o_entry := nextval('public.entries_id_seq');
    IF p_reverses IS NOT NULL THEN
        SELECT * INTO p_accounts, p_locked, p_from, p_to, p_amounts
          FROM public.ledger_mirror(p_reverses, o_entry);
        o_accounts := p_accounts;
    END IF;
    FOR i IN 1 .. cardinality(p_amounts) LOOP
        v_delta[p_from[i]] := coalesce(v_delta[p_from[i]], 0) - p_amounts[i];
        v_delta[p_to[i]] := coalesce(v_delta[p_to[i]], 0) + p_amounts[i];
    END LOOP;

    -- 2. Locked accounts in order of id: check and change are one statement.
    IF p_hold_of IS NOT NULL OR p_settles IS NOT NULL THEN
        PERFORM public.ledger_limit_check(p_use_owner, p_use_counter, p_use_day, p_use_minor,
                                          p_use_times, p_use_most_minor, p_use_most_times);
        SELECT * INTO v_held, o_balances, v_version, v_pot FROM public.ledger_take_held(
            o_entry, p_happened_at, p_accounts, p_locked, v_delta, p_ceilings, p_hold_of,
            p_hold_minor, p_hold_until, p_settles, p_hold_end);
    ELSE
        FOR n IN 1 .. p_locked LOOP
            UPDATE public.accounts a
               SET balance_minor = a.balance_minor + v_delta[n] * a.sign, version = a.version + 1
             WHERE a.id = p_accounts[n] AND a.mode = 'locked'
               AND (a.balance_minor - a.held_minor + v_delta[n] * a.sign >= a.floor_minor)
                   IS NOT FALSE
            RETURNING o_balances || a.balance_minor, v_version || a.version, v_pot || a.pot
                 INTO o_balances, v_version, v_pot;
            IF NOT FOUND OR o_balances[n] > p_ceilings[n] THEN
                SELECT * INTO o_balances, v_version, v_pot FROM public.ledger_take_hard(
                    p_accounts, n, FOUND, v_delta, p_ceilings, p_use_owner, p_use_counter,
                    p_use_day, p_use_minor, p_use_times, p_use_most_minor, p_use_most_times);
            END IF;
        END LOOP;
    END IF;

    -- 3. Limits used, in the order given (the caller sorts them).
    IF p_use_owner IS NOT NULL THEN
        FOR i IN 1 .. cardinality(p_use_owner) LOOP
            INSERT INTO public.usages AS u (owner, counter, day, amount_minor, times)
            SELECT p_use_owner[i], p_use_counter[i], p_use_day[i],
                   greatest(0, p_use_minor[i]), greatest(0, p_use_times[i])
             WHERE (p_use_minor[i] <= p_use_most_minor[i] AND p_use_times[i] <= p_use_most_times[i])
                   IS NOT FALSE
            ON CONFLICT (owner, counter, day) DO UPDATE
               SET amount_minor = greatest(0, u.amount_minor + p_use_minor[i]),
                   times = greatest(0, u.times + p_use_times[i])
             WHERE (u.amount_minor + p_use_minor[i] <= p_use_most_minor[i]
                    AND u.times + p_use_times[i] <= p_use_most_times[i]) IS NOT FALSE
            RETURNING u.amount_minor, u.times INTO v_minor, v_count;
            IF NOT FOUND THEN
                PERFORM public.ledger_limit_check(
                    p_use_owner, p_use_counter, p_use_day, p_use_minor,
                    p_use_times, p_use_most_minor, p_use_most_times);
                RAISE EXCEPTION 'a limit moved' USING ERRCODE = 'KB010';
            END IF;
            o_used_minor[i] := v_minor; o_used_times[i] := v_count;
        END LOOP;
    END IF;

    -- 4. Hot accounts last: append where that is enough. (The array is asked for in a subquery, for a
    -- planner that can count it makes a new plan for each call.)
    IF p_locked < cardinality(p_accounts) THEN
        WITH hot AS MATERIALIZED (
            SELECT h.id, h.place, a.pot, v_delta[p_locked + h.place] * a.sign AS delta,
                   (a.mode = 'tallied' AND v_held IS NULL AND p_ceilings[p_locked + h.place] IS NULL
                    AND (v_delta[p_locked + h.place] * a.sign >= 0 OR a.floor_minor IS NULL)) IS TRUE
                   AS plain
              FROM unnest((SELECT p_accounts[p_locked + 1:])) WITH ORDINALITY h(id, place)
              LEFT JOIN LATERAL (SELECT * FROM public.accounts WHERE id = h.id OFFSET 0) a ON true),
        appended AS (
            INSERT INTO public.tail (account_id, entry_id, delta_minor)
            SELECT id, o_entry, delta FROM hot WHERE plain)
        SELECT v_pot || array_agg(pot ORDER BY place), array_agg(plain ORDER BY place)
          INTO v_pot, v_plain FROM hot;
        IF false = ANY (v_plain) THEN
            SELECT * INTO v_shard, v_version, v_parts FROM public.ledger_take_hot(
                o_entry, p_accounts, p_locked, v_plain, v_delta, v_held, p_ceilings, v_version);
        END IF;
    END IF;

    -- 5. The entry under its key, its legs with the version and the balance of either side after it,
    -- and what must be said. A key is claimed once: a twin fails here, and ledger_stored has its answer.
    WITH header AS (
        INSERT INTO public.answers (
            id, scope, key, request_hash, receipt, type, code, catalogue, happened_at, facts, quote,
            reverses, settles, legs, accounts, balances)
        VALUES (o_entry, p_scope, p_key, p_hash, p_receipt, p_type, p_code, p_catalogue,
                p_happened_at, p_facts, p_quote, p_reverses, p_settles, cardinality(p_amounts),
                p_accounts, o_balances)),
    said AS (
        INSERT INTO public.outbox (entry_id, kind, address, template, language, balance_of, due_at,
                                   facts)
        SELECT o_entry, p_say_kind[i], p_say_address[i], p_say_template[i], p_say_language[i],
               p_say_balance[i], p_happened_at,
               jsonb_set_lax(p_say_facts[i], '{balance}', to_jsonb(
                   o_balances[array_position(p_accounts, p_say_balance[i])]), true, 'return_target')
          FROM (SELECT generate_subscripts(p_say_kind, 1) AS i) s)
    INSERT INTO public.legs (entry_id, leg, from_id, to_id, amount_minor, from_version, from_balance,
                             to_version, to_balance, from_shard, to_shard)
    SELECT o_entry, i, p_accounts[f], p_accounts[t], minor,
           coalesce(v_version[f], o_entry), coalesce(o_balances[f], v_parts[f]),
           coalesce(v_version[t], o_entry), coalesce(o_balances[t], v_parts[t]),
           coalesce(v_shard[f], CASE WHEN f > p_locked THEN -1 ELSE 0 END),
           coalesce(v_shard[t], CASE WHEN t > p_locked THEN -1 ELSE 0 END)
      FROM unnest(p_from, p_to, p_amounts) WITH ORDINALITY l(f, t, minor, i)
     WHERE minor > 0 AND f <> t AND v_pot[f] = v_pot[t];
    GET DIAGNOSTICS v_count = ROW_COUNT;
    IF v_count <> cardinality(p_amounts) OR v_count > 64
       OR (v_count = 0 AND p_hold_of IS NULL AND p_settles IS NULL) THEN
        PERFORM public.ledger_blame(p_from, p_to, p_amounts, v_pot);
    END IF;
    RETURN (o_entry, o_accounts, o_balances, o_used_minor, o_used_times);
END $$;
COMMENT ON FUNCTION ledger_post IS 'The one writer: one entry with all that belongs to it, in one round trip, once per key';

CREATE FUNCTION ledger_remember(p_scope text, p_key text, p_hash bytea, p_outcome jsonb)
RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_answer idempotency;
BEGIN
    PERFORM ledger_claim(p_scope, p_key, p_hash, NULL, p_outcome);
    SELECT * INTO v_answer FROM idempotency WHERE scope = p_scope AND key = p_key;
    IF v_answer.request_hash <> p_hash THEN
        RAISE EXCEPTION 'key % was used for another request', p_key USING ERRCODE = 'KB005';
    ELSIF v_answer.entry_id IS NOT NULL THEN
        RAISE EXCEPTION 'key % was answered by an entry', p_key USING ERRCODE = 'KB014',
            DETAIL = json_build_object('entry', v_answer.entry_id)::text;
    END IF;
    RETURN v_answer.outcome;
END $$;
COMMENT ON FUNCTION ledger_remember IS 'Keep the outcome of a request that moved no money; whoever came first is returned';
