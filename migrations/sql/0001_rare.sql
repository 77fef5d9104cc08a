-- What ledger_post does seldom: rows that cannot bear a debit alone, holds, hot accounts that must be
-- debited. Functions of their own, so that the common way through the writer has few expressions.

CREATE FUNCTION ledger_misplaced(p_accounts bigint[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'accounts are kept otherwise' USING ERRCODE = 'KB010', DETAIL = json_build_object(
        'hot', ARRAY(SELECT id FROM accounts WHERE id = ANY (p_accounts) AND mode <> 'locked'))::text;
END $$;
COMMENT ON FUNCTION ledger_misplaced IS 'Raise KB010 with those of the accounts that are hot: locks are taken in order, or not at all';

CREATE FUNCTION ledger_take_hard(
    p_accounts bigint[], p_place integer, p_taken boolean, p_delta bigint[], p_ceilings bigint[],
    p_use_owner text[], p_use_counter text[], p_use_day date[], p_use_minor bigint[],
    p_use_times integer[], p_use_most_minor bigint[], p_use_most_times integer[],
    OUT o_balances bigint[], OUT o_version bigint[], OUT o_pot text[]
) LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
-- The locked account at p_place could not be changed, or (p_taken) holds more than its ceiling now.
-- Gives what is known of all up to it, whose rows this transaction has changed. Limits are said before
-- ceilings, and ceilings before funds.
DECLARE
    v_account accounts;
BEGIN
    SELECT * INTO v_account FROM accounts WHERE id = p_accounts[p_place];
    IF v_account.id IS NULL THEN
        RAISE EXCEPTION 'account % is unknown', p_accounts[p_place] USING ERRCODE = 'KB008';
    ELSIF v_account.mode <> 'locked' THEN
        PERFORM ledger_misplaced(p_accounts);
    ELSIF NOT p_taken OR p_delta[p_place] * v_account.sign > 0 THEN
        PERFORM ledger_limit_check(p_use_owner, p_use_counter, p_use_day, p_use_minor,
                                   p_use_times, p_use_most_minor, p_use_most_times);
        IF p_taken THEN
            RAISE EXCEPTION 'account % would pass its ceiling', v_account.id USING
                ERRCODE = 'KB002', DETAIL = json_build_object('account', v_account.id)::text;
        END IF;
        PERFORM ledger_ceiling_check(p_accounts, p_ceilings, p_delta, p_place);
        PERFORM ledger_take_row(v_account.id, 'locked', p_delta[p_place] * v_account.sign, 1, 0);
    END IF;
    SELECT array_agg(a.balance_minor ORDER BY place), array_agg(a.version ORDER BY place),
           array_agg(a.pot ORDER BY place)
      INTO o_balances, o_version, o_pot
      FROM generate_series(1, p_place) place
     CROSS JOIN LATERAL (SELECT * FROM accounts WHERE id = p_accounts[place] OFFSET 0) a;
END $$;
COMMENT ON FUNCTION ledger_take_hard IS 'Take from a locked account what is left of it beside its row, or say why not';

CREATE FUNCTION ledger_take_held(
    p_entry bigint, p_happened_at timestamptz, p_accounts bigint[], p_locked integer, p_delta bigint[],
    p_ceilings bigint[], p_hold_of integer, p_hold_minor bigint, p_hold_until timestamptz,
    p_settles bigint, p_hold_end text,
    OUT o_held bigint[], OUT o_balances bigint[], OUT o_version bigint[], OUT o_pot text[]
) LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
-- Make or end a hold, then change the locked accounts in order of id. o_held: the change of what is
-- held, by place; that of a hot account is still to be done.
DECLARE
    v_account accounts;
    v_hold    record;
    v_balance bigint;
    v_version bigint;
    v_place   integer := p_hold_of;
BEGIN
    IF p_hold_of IS NOT NULL THEN
        o_held[p_hold_of] := p_hold_minor;
        INSERT INTO holds (id, account_id, amount_minor, expires_at)
        VALUES (p_entry, p_accounts[p_hold_of], p_hold_minor, p_hold_until);
    ELSE
        UPDATE holds h SET state = p_hold_end, ended_by = p_entry
          FROM accounts a
         WHERE h.id = p_settles AND h.state = 'open' AND a.id = h.account_id
           AND (p_hold_end <> 'expired' OR h.expires_at <= p_happened_at)
        RETURNING h.account_id, h.amount_minor, a.sign INTO v_hold;
        v_place := array_position(p_accounts, v_hold.account_id);
        IF v_place IS NULL
           OR v_hold.amount_minor + coalesce(p_delta[v_place], 0) * v_hold.sign < 0 THEN
            RAISE EXCEPTION 'hold % is not open for this', p_settles USING ERRCODE = 'KB009';
        END IF;
        o_held[v_place] := -v_hold.amount_minor;
    END IF;
    PERFORM ledger_ceiling_check(p_accounts, p_ceilings, p_delta, 1);
    FOR n IN 1 .. p_locked LOOP
        SELECT * INTO v_account FROM accounts WHERE id = p_accounts[n];
        IF v_account.id IS NULL THEN
            RAISE EXCEPTION 'account % is unknown', p_accounts[n] USING ERRCODE = 'KB008';
        ELSIF v_account.mode <> 'locked' THEN
            PERFORM ledger_misplaced(p_accounts);
        END IF;
        SELECT * INTO v_balance, v_version
          FROM ledger_take_row(v_account.id, 'locked', coalesce(p_delta[n], 0) * v_account.sign,
                               (p_delta[n] IS NOT NULL)::integer, coalesce(o_held[n], 0));
        o_balances[n] := v_balance; o_version[n] := v_version; o_pot[n] := v_account.pot;
        IF p_delta[n] * v_account.sign > 0 AND o_balances[n] > p_ceilings[n] THEN
            RAISE EXCEPTION 'account % would pass its ceiling', v_account.id USING
                ERRCODE = 'KB002', DETAIL = json_build_object('account', v_account.id)::text;
        END IF;
    END LOOP;
END $$;
COMMENT ON FUNCTION ledger_take_held IS 'Make or end a hold and change the locked accounts of its entry; KB009 when it is not open for this';

CREATE FUNCTION ledger_take_hot(
    p_entry bigint, p_accounts bigint[], p_locked integer, p_done boolean[], p_delta bigint[],
    p_held bigint[], p_ceilings bigint[], p_version bigint[],
    OUT o_shard smallint[], OUT o_version bigint[], OUT o_parts bigint[]
) LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
-- Those hot accounts that are not done (a mode may have changed since), in order of id: a shard that can bear it, or
-- the row with all that can be gathered. o_parts: what the part that took it holds then; by place, like
-- the shard and its version.
DECLARE
    v_account record;
    v_shard smallint; v_balance bigint; v_version bigint;
BEGIN
    o_version := p_version;
    PERFORM ledger_ceiling_check(p_accounts, p_ceilings, p_delta, p_locked + 1);
    FOR v_account IN
        SELECT h.id, h.place, a.id AS found, a.mode, a.shards, a.floor_minor,
               coalesce(p_delta[h.place], 0) * a.sign AS delta, coalesce(p_held[h.place], 0) AS held,
               (p_delta[h.place] IS NOT NULL)::integer AS moved
          FROM unnest(p_accounts) WITH ORDINALITY h(id, place)
          LEFT JOIN LATERAL (SELECT * FROM accounts WHERE id = h.id OFFSET 0) a ON true
         WHERE h.place > p_locked AND NOT p_done[h.place - p_locked] ORDER BY h.id
    LOOP
        IF v_account.found IS NULL THEN
            RAISE EXCEPTION 'account % is unknown', v_account.id USING ERRCODE = 'KB008';
        ELSIF v_account.mode = 'locked' THEN
            PERFORM ledger_misplaced(p_accounts);
        ELSIF v_account.mode = 'tallied' AND v_account.held = 0
              AND (v_account.delta >= 0 OR v_account.floor_minor IS NULL) THEN
            INSERT INTO tail SELECT v_account.id, p_entry, v_account.delta WHERE v_account.delta <> 0;
            CONTINUE;
        END IF;
        v_shard := NULL;
        IF v_account.mode = 'sharded' AND v_account.held = 0 THEN
            SELECT * INTO v_shard, v_balance, v_version FROM ledger_take_shard(
                v_account.id, v_account.shards, v_account.delta, v_account.moved,
                v_account.floor_minor IS NOT NULL);
        END IF;
        IF v_shard IS NULL THEN
            SELECT 0, * INTO v_shard, v_balance, v_version FROM ledger_take_row(
                v_account.id, v_account.mode, v_account.delta, v_account.moved, v_account.held);
        END IF;
        o_shard[v_account.place] := v_shard; o_version[v_account.place] := v_version;
        o_parts[v_account.place] := v_balance;
    END LOOP;
END $$;
COMMENT ON FUNCTION ledger_take_hot IS 'Change the hot accounts to which nothing could simply be appended';
