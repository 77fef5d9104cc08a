-- What guards the tables against everybody, their owner included: nothing written is changed, and a
-- second proof of every leg that does not trust the writer's arithmetic.

CREATE FUNCTION ledger_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'KB900';
END $$;
COMMENT ON FUNCTION ledger_refuse_change IS 'Append-only by trigger: raises KB900 whatever is tried';

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON answers
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON legs
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON reversals
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON tallies
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON seals
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER never_closed BEFORE DELETE OR TRUNCATE ON accounts
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();

CREATE FUNCTION ledger_check_nature() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT (NEW.kind ~ '^[a-z][a-z0-9_]*$' AND length(NEW.owner) BETWEEN 1 AND 64
            AND NEW.book IN ('emoney', 'house') AND NEW.side IN ('credit', 'debit')
            AND NEW.mode IN ('locked', 'tallied', 'sharded') AND NEW.shards BETWEEN 1 AND 256
            AND coalesce(NEW.floor_minor, 0) <= 0
            AND EXISTS (SELECT FROM public.assets WHERE code = NEW.asset)) THEN
        RAISE EXCEPTION 'not an account: %/%', NEW.kind, NEW.owner USING ERRCODE = 'check_violation';
    END IF;
    NEW.sign := CASE NEW.side WHEN 'credit' THEN 1 ELSE -1 END;
    NEW.pot := NEW.book || '/' || NEW.asset;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION ledger_check_nature IS 'What an account may be, looked at once, when it is opened';

CREATE TRIGGER nature BEFORE INSERT ON accounts FOR EACH ROW EXECUTE FUNCTION ledger_check_nature();
CREATE TRIGGER nature_stays
    BEFORE UPDATE OF id, kind, owner, book, asset, pot, side, sign, floor_minor, shards, opened_at
    ON accounts FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();

CREATE FUNCTION ledger_check_state() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM changed WHERE state NOT IN
               ('queued', 'claimed', 'sending', 'done', 'refused', 'unknown', 'dead')) THEN
        RAISE EXCEPTION 'not a state of the outbox' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION ledger_check_state IS 'The closed list of the outbox''s states';

CREATE TRIGGER state AFTER UPDATE ON outbox REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_check_state();

-- Both sides of a leg lie in one book and one asset, so every entry sums to zero in each; where a side
-- is the newest change of its row, the row's balance is what the leg says; and whoever gave still has
-- its floor and what it holds. A subquery for each leg, by the accounts' ids, so that no plan made while
-- the table was small ever reads it whole; a leg to or from nobody finds no row, and does not prove.
CREATE FUNCTION ledger_prove_legs() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_entry bigint;
    v_leg   smallint;
BEGIN
    SELECT l.entry_id, l.leg INTO v_entry, v_leg
      FROM new_legs l
     WHERE (SELECT l.amount_minor > 0 AND l.from_id <> l.to_id AND f.pot = t.pot
                   AND (l.from_version < f.version OR l.from_shard <> 0
                        OR (l.from_version = f.version AND l.from_balance = f.balance_minor))
                   AND (l.to_version < t.version OR l.to_shard <> 0
                        OR (l.to_version = t.version AND l.to_balance = t.balance_minor))
                   AND (f.balance_minor - f.held_minor >= f.floor_minor OR f.sign < 0) IS NOT FALSE
                   AND (t.balance_minor - t.held_minor >= t.floor_minor OR t.sign > 0) IS NOT FALSE
              FROM public.accounts f, public.accounts t
             WHERE f.id = l.from_id AND t.id = l.to_id) IS NOT TRUE;
    IF FOUND THEN
        RAISE EXCEPTION 'leg % of entry % does not prove', v_leg, v_entry
            USING ERRCODE = 'KB901', DETAIL = json_build_object('entry', v_entry, 'leg', v_leg)::text;
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION ledger_prove_legs IS 'The second, independent proof of legs, a statement at a time; raises KB901';

CREATE TRIGGER proven AFTER INSERT ON legs REFERENCING NEW TABLE AS new_legs
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_prove_legs();
