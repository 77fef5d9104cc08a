-- The parts of an account beside its row: folding the tail, sweeping and spreading shards, modes.
-- Global order of locks: key, hold, locked rows by id, usages, hot rows by (id; row, then shards).

CREATE FUNCTION ledger_fold_locked(p_account bigint, p_most integer) RETURNS integer
LANGUAGE plpgsql AS $$
-- The caller holds the account's row, so nobody else takes from its tail.
DECLARE
    v_delta bigint;
    v_rows  integer;
BEGIN
    WITH gone AS (
        DELETE FROM tail WHERE ctid = ANY (ARRAY(
            SELECT t.ctid FROM tail t WHERE t.account_id = p_account LIMIT p_most))
        RETURNING delta_minor)
    SELECT coalesce(sum(delta_minor), 0), count(*) INTO v_delta, v_rows FROM gone;
    IF v_rows > 0 THEN
        WITH row AS (
            UPDATE accounts SET balance_minor = balance_minor + v_delta, version = version + 1
             WHERE id = p_account RETURNING version, balance_minor)
        INSERT INTO tallies (account_id, shard, version, delta_minor, balance_after, rows)
        SELECT p_account, 0, version, v_delta, balance_minor, v_rows FROM row;
    END IF;
    RETURN v_rows;
END $$;
COMMENT ON FUNCTION ledger_fold_locked IS 'Fold up to so many rows of the tail into the account''s row, whose lock the caller holds';

CREATE FUNCTION ledger_sweep_locked(p_account bigint) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    v_delta bigint;
    v_parts integer;
BEGIN
    PERFORM FROM shards WHERE account_id = p_account ORDER BY shard FOR NO KEY UPDATE;
    WITH emptied AS (
        UPDATE shards s SET balance_minor = 0, version = s.version + 1
          FROM (SELECT shard, balance_minor FROM shards
                 WHERE account_id = p_account AND balance_minor <> 0) o
         WHERE s.account_id = p_account AND s.shard = o.shard
        RETURNING s.shard, s.version, o.balance_minor AS was),
    noted AS (
        INSERT INTO tallies (account_id, shard, version, delta_minor, balance_after)
        SELECT p_account, shard, version, -was, 0 FROM emptied RETURNING -delta_minor AS was)
    SELECT coalesce(sum(was), 0), count(*) INTO v_delta, v_parts FROM noted;
    IF v_parts > 0 THEN
        WITH row AS (
            UPDATE accounts SET balance_minor = balance_minor + v_delta, version = version + 1
             WHERE id = p_account RETURNING version, balance_minor)
        INSERT INTO tallies (account_id, shard, version, delta_minor, balance_after)
        SELECT p_account, 0, version, v_delta, balance_minor FROM row;
    END IF;
    RETURN v_parts;
END $$;
COMMENT ON FUNCTION ledger_sweep_locked IS 'Bring what lies in the shards to the account''s row, whose lock the caller holds';

CREATE FUNCTION ledger_spread_locked(p_account bigint) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    v_account accounts;
    v_share   bigint;
BEGIN
    SELECT * INTO v_account FROM accounts WHERE id = p_account;
    v_share := (v_account.balance_minor - v_account.held_minor) / v_account.shards;
    IF v_share <= 0 THEN
        RETURN 0;
    END IF;
    WITH filled AS (
        UPDATE shards SET balance_minor = balance_minor + v_share, version = version + 1
         WHERE account_id = p_account AND shard <= v_account.shards
        RETURNING shard, version, balance_minor),
    noted AS (
        INSERT INTO tallies (account_id, shard, version, delta_minor, balance_after)
        SELECT p_account, shard, version, v_share, balance_minor FROM filled RETURNING delta_minor),
    row AS (
        UPDATE accounts SET balance_minor = balance_minor - (SELECT sum(delta_minor) FROM noted),
               version = version + 1
         WHERE id = p_account RETURNING version, balance_minor)
    INSERT INTO tallies (account_id, shard, version, delta_minor, balance_after)
    SELECT p_account, 0, version, -(SELECT sum(delta_minor) FROM noted), balance_minor FROM row;
    RETURN v_account.shards;
END $$;
COMMENT ON FUNCTION ledger_spread_locked IS 'Cut what the row has to spare into equal shares, one a shard; the caller holds all locks';

CREATE FUNCTION ledger_fold(p_account bigint, p_most integer DEFAULT 50000) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_mode text;
    v_moved integer;
BEGIN
    SELECT mode INTO v_mode FROM accounts WHERE id = p_account FOR NO KEY UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    v_moved := ledger_fold_locked(p_account, p_most);
    IF v_mode <> 'sharded' THEN
        v_moved := v_moved + ledger_sweep_locked(p_account);
    END IF;
    RETURN v_moved;
END $$;
COMMENT ON FUNCTION ledger_fold IS 'Fold one account''s tail, and shards that its mode no longer uses. Does nothing when another holds the row: that one folds';

CREATE FUNCTION ledger_level(p_account bigint) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM FROM accounts WHERE id = p_account AND mode = 'sharded' FOR NO KEY UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    PERFORM ledger_sweep_locked(p_account), ledger_fold_locked(p_account, 50000);
    RETURN ledger_spread_locked(p_account);
END $$;
COMMENT ON FUNCTION ledger_level IS 'Give every shard of a sharded account the same share again';

CREATE FUNCTION ledger_set_mode(p_account bigint, p_mode text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_shards smallint;
BEGIN
    SELECT shards INTO v_shards FROM accounts WHERE id = p_account FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no account %', p_account
            USING ERRCODE = 'KB008', DETAIL = json_build_object('account', p_account)::text;
    END IF;
    IF p_mode = 'sharded' THEN
        INSERT INTO shards (account_id, shard)
        SELECT p_account, n FROM generate_series(1, v_shards) n ON CONFLICT DO NOTHING;
        PERFORM ledger_sweep_locked(p_account), ledger_fold_locked(p_account, 50000);
        PERFORM ledger_spread_locked(p_account);
    ELSE
        PERFORM ledger_sweep_locked(p_account), ledger_fold_locked(p_account, 50000);
    END IF;
    IF p_mode NOT IN ('locked', 'tallied', 'sharded') THEN
        RAISE EXCEPTION 'no mode %', p_mode USING ERRCODE = 'KB011';
    END IF;
    UPDATE accounts SET mode = p_mode WHERE id = p_account;
END $$;
COMMENT ON FUNCTION ledger_set_mode IS 'Keep an account another way from now on, while money flows. Writers that still saw the old mode stay right, because a balance is the sum of all parts in every mode';

CREATE FUNCTION ledger_open_account(
    p_kind text, p_owner text, p_asset text, p_book text, p_side text, p_mode text, p_floor_minor bigint
) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_account accounts;
BEGIN
    SELECT * INTO v_account FROM accounts WHERE kind = p_kind AND owner = p_owner AND asset = p_asset;
    IF NOT FOUND THEN
        INSERT INTO accounts (kind, owner, asset, book, side, mode, floor_minor)
        VALUES (p_kind, p_owner, p_asset, p_book, p_side, p_mode, p_floor_minor)
        ON CONFLICT DO NOTHING RETURNING * INTO v_account;
        IF FOUND AND p_mode = 'sharded' THEN
            PERFORM ledger_set_mode(v_account.id, 'sharded');
        ELSIF NOT FOUND THEN
            SELECT * INTO v_account FROM accounts
             WHERE kind = p_kind AND owner = p_owner AND asset = p_asset;
        END IF;
    END IF;
    IF (v_account.book, v_account.side, v_account.floor_minor)
       IS DISTINCT FROM (p_book, p_side, p_floor_minor) THEN
        RAISE EXCEPTION 'account %/% is open already and of another nature', p_kind, p_owner
            USING ERRCODE = 'KB011', DETAIL = json_build_object('account', v_account.id)::text;
    END IF;
    RETURN v_account.id;
END $$;
COMMENT ON FUNCTION ledger_open_account IS 'Open an account, or find it when it is open already. Its mode may have changed since; nothing else may (KB011)';
