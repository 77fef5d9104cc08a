-- What guards the tables against everybody, their owner included: nothing written is changed, and a
-- second proof of every leg that does not trust the writer's arithmetic.

CREATE FUNCTION ledger_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'KB900';
END $$;
COMMENT ON FUNCTION ledger_refuse_change IS 'Append-only by trigger: raises KB900 whatever is tried';

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON entries
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON legs
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON tallies
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON seals
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER never_forgotten BEFORE UPDATE OR DELETE OR TRUNCATE ON idempotency
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER never_closed BEFORE DELETE OR TRUNCATE ON accounts
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();

-- Both sides of a leg lie in one book and one asset, so every entry sums to zero in each; and where a
-- side is the newest of its row, the row's balance is what the leg says.
CREATE FUNCTION ledger_prove_legs() RETURNS trigger LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
    v_entry bigint;
    v_leg   smallint;
BEGIN
    SELECT l.entry_id, l.leg INTO v_entry, v_leg
      FROM new_legs l
      LEFT JOIN accounts f ON f.id = l.from_id
      LEFT JOIN accounts t ON t.id = l.to_id
     WHERE (f.book = t.book AND f.asset = t.asset
       AND (l.from_shard <> 0 OR l.from_version < f.version
            OR (l.from_version = f.version AND l.from_balance = f.balance_minor))
       AND (l.to_shard <> 0 OR l.to_version < t.version
            OR (l.to_version = t.version AND l.to_balance = t.balance_minor)))
       IS NOT TRUE
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'leg % of entry % does not prove', v_leg, v_entry
            USING ERRCODE = 'KB901', DETAIL = json_build_object('entry', v_entry, 'leg', v_leg)::text;
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION ledger_prove_legs IS 'The second, independent proof of legs, a statement at a time; raises KB901';

CREATE TRIGGER proven AFTER INSERT ON legs REFERENCING NEW TABLE AS new_legs
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_prove_legs();
