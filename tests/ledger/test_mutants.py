"""Proof 19: break any line of the writer that bears an invariant, and a check fails.

Each mutant is a change of the SQL text, loaded into a scratch database; its killer is the check
that must notice. A line that could be broken unnoticed would be a line without a test.
"""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from migrations.apply import sql
from tests.ledger import test_writer_answers as answers
from tests.ledger import test_writer_holds as holds
from tests.ledger import test_writer_limits as limits
from tests.ledger import test_writer_modes as modes
from tests.ledger import test_writer_moves as moves
from tests.ledger.town import SCRIPTS, Town, loadable, wiped


class Mutant(NamedTuple):
    """Replace `old` by `new` where the scripts have it; `killer` must fail."""

    name: str
    old: str
    new: str
    killer: Callable[[Town], None]


MUTANTS = [
    Mutant(
        "another request under the same key is answered",
        "request_hash <> p_hash THEN\n            RAISE EXCEPTION 'key % was",
        "request_hash <> '' IS FALSE THEN\n            RAISE EXCEPTION 'key % was",
        answers.test_the_same_key_gets_the_first_answer,
    ),
    Mutant(
        "a key is not claimed",
        "VALUES (o_entry, p_scope, p_key, p_hash,",
        "VALUES (o_entry, p_scope, p_key || o_entry, p_hash,",
        answers.test_the_same_key_gets_the_first_answer,
    ),
    Mutant(
        "a second key of a quote is forgotten",
        "AND NOT ledger_claim(p_scope, p_key, p_hash, o_entry, '{}') THEN",
        "AND false THEN",
        answers.test_a_quote_is_accepted_once_under_any_key,
    ),
    Mutant(
        "from and to are swapped in the balances",
        "coalesce(v_delta[p_from[i]], 0) - p_amounts[i];",
        "coalesce(v_delta[p_from[i]], 0) + p_amounts[i];",
        moves.test_value_moves_from_one_to_the_other,
    ),
    Mutant(
        "the receiver gets nothing",
        "coalesce(v_delta[p_to[i]], 0) + p_amounts[i];",
        "coalesce(v_delta[p_to[i]], 0);",
        moves.test_value_moves_from_one_to_the_other,
    ),
    Mutant(
        "from and to are swapped in the legs",
        "SELECT o_entry, i, p_accounts[f], p_accounts[t], minor,",
        "SELECT o_entry, i, p_accounts[t], p_accounts[f], minor,",
        moves.test_value_moves_from_one_to_the_other,
    ),
    Mutant(
        "a posting is skipped",
        "    IF v_count <> cardinality(p_amounts) OR v_count > 64\n",
        "    IF v_count > 64\n",
        moves.test_what_makes_no_sense_is_refused,
    ),
    Mutant(
        "sides are forgotten",
        "SET balance_minor = a.balance_minor + v_delta[n] * a.sign, version",
        "SET balance_minor = a.balance_minor + v_delta[n], version",
        moves.test_a_floor_of_a_debit_account_holds_too,
    ),
    Mutant(
        "the floor is dropped where it is checked",
        "AND (a.balance_minor - a.held_minor + v_delta[n] * a.sign >= a.floor_minor)\n",
        "AND (true)\n",
        moves.test_a_floor_holds_to_the_cent,
    ),
    Mutant(
        "what is held can be spent",
        "AND (a.balance_minor - a.held_minor + v_delta[n] * a.sign >= a.floor_minor)",
        "AND (a.balance_minor + v_delta[n] * a.sign >= a.floor_minor)",
        holds.test_held_value_cannot_be_spent_and_comes_back,
    ),
    Mutant(
        "the floor is dropped where parts are gathered",
        "AND (p_delta - p_held >= 0 OR a.floor_minor IS NULL",
        "AND (true OR a.floor_minor IS NULL",
        modes.test_a_tallied_account_spends_what_it_has_and_no_more,
    ),
    Mutant(
        "the last look forgets the floor",
        "AND a.balance_minor - a.held_minor + p_delta - p_held >= a.floor_minor\n",
        "\n",
        moves.test_a_floor_holds_to_the_cent,
    ),
    Mutant(
        "a tail is not gathered for a debit",
        "v_gathered := ledger_fold_locked(p_account, 50000) + ledger_sweep_locked(p_account);",
        "v_gathered := ledger_sweep_locked(p_account);",
        modes.test_a_tallied_account_spends_what_it_has_and_no_more,
    ),
    Mutant(
        "shards are not gathered for a debit",
        "v_gathered := ledger_fold_locked(p_account, 50000) + ledger_sweep_locked(p_account);",
        "v_gathered := ledger_fold_locked(p_account, 50000);",
        modes.test_a_sharded_account_spends_what_it_has_and_no_more,
    ),
    Mutant(
        "a shard goes below nothing",
        "AND (p_delta >= 0 OR NOT p_floored OR s.balance_minor + p_delta >= 0)",
        "",
        modes.test_a_sharded_account_spends_what_it_has_and_no_more,
    ),
    Mutant(
        "books are crossed and only the second proof notices",
        " AND f <> t AND v_pot[f] = v_pot[t];\n",
        " AND f <> t;\n",
        moves.test_what_makes_no_sense_is_refused,
    ),
    Mutant(
        "amounts may be negative",
        "WHERE minor > 0 AND f <> t AND",
        "WHERE f <> t AND",
        moves.test_what_makes_no_sense_is_refused,
    ),
    Mutant(
        "one may pay oneself",
        "WHERE minor > 0 AND f <> t AND",
        "WHERE minor > 0 AND",
        moves.test_what_makes_no_sense_is_refused,
    ),
    Mutant(
        "an unknown account is overlooked",
        "    IF v_account.id IS NULL THEN\n",
        "    IF false THEN\n",
        moves.test_what_makes_no_sense_is_refused,
    ),
    Mutant(
        "an empty entry is written",
        "       OR (v_count = 0 AND p_hold_of IS NULL AND p_settles IS NULL) THEN",
        "       THEN",
        moves.test_what_makes_no_sense_is_refused,
    ),
    Mutant(
        "versions stand still",
        "v_delta[n] * a.sign, version = a.version + 1\n",
        "v_delta[n] * a.sign, version = a.version\n",
        moves.test_value_moves_from_one_to_the_other,
    ),
    Mutant(
        "a ceiling is not looked at",
        "IF NOT FOUND OR o_balances[n] > p_ceilings[n] THEN",
        "IF NOT FOUND THEN",
        limits.test_a_ceiling_holds_to_the_cent,
    ),
    Mutant(
        "a ceiling of an appended account is not looked at",
        "AND v_held IS NULL AND p_ceilings[p_locked + h.place] IS NULL",
        "AND v_held IS NULL",
        limits.test_a_ceiling_holds_to_the_cent,
    ),
    Mutant(
        "a ceiling of a hot account is not looked at",
        "PERFORM ledger_ceiling_check(p_accounts, p_ceilings, p_delta, p_locked + 1);",
        "",
        limits.test_a_ceiling_holds_to_the_cent,
    ),
    Mutant(
        "a first use passes its limit",
        "WHERE (p_use_minor[i] <= p_use_most_minor[i] AND p_use_times[i] <= p_use_most_times[i])\n",
        "WHERE true\n",
        limits.test_a_limit_holds_by_value_and_by_count,
    ),
    Mutant(
        "a later use passes its limit",
        "WHERE (u.amount_minor + p_use_minor[i] <= p_use_most_minor[i]\n",
        "WHERE (true\n",
        limits.test_a_limit_holds_by_value_and_by_count,
    ),
    Mutant(
        "times are not counted",
        "AND u.times + p_use_times[i] <= p_use_most_times[i]) IS NOT FALSE",
        ") IS NOT FALSE",
        limits.test_a_limit_holds_by_value_and_by_count,
    ),
    Mutant(
        "uses do not add up",
        "SET amount_minor = greatest(0, u.amount_minor + p_use_minor[i]),",
        "SET amount_minor = greatest(0, p_use_minor[i]),",
        limits.test_a_limit_holds_by_value_and_by_count,
    ),
    Mutant(
        "funds are said before limits",
        "    ELSIF NOT p_taken OR p_delta[p_place] * v_account.sign > 0 THEN\n",
        "    ELSIF NOT p_taken OR p_delta[p_place] * v_account.sign > 0 THEN\n"
        "        PERFORM ledger_ceiling_check(p_accounts, p_ceilings, p_delta, p_place);\n",
        limits.test_limits_are_said_before_ceilings_and_ceilings_before_funds,
    ),
    Mutant(
        "funds are said before ceilings",
        "        PERFORM ledger_ceiling_check(p_accounts, p_ceilings, p_delta, p_place);\n",
        "",
        limits.test_limits_are_said_before_ceilings_and_ceilings_before_funds,
    ),
    Mutant(
        "an append is lost",
        "FROM hot WHERE plain)",
        "FROM hot WHERE false)",
        moves.test_the_common_case_moves_four_legs_in_two_books,
    ),
    Mutant(
        "an append to a debit account has the wrong sign",
        "a.pot, v_delta[p_locked + h.place] * a.sign AS delta,",
        "a.pot, v_delta[p_locked + h.place] AS delta,",
        moves.test_the_common_case_moves_four_legs_in_two_books,
    ),
    Mutant(
        "a tallied debit is appended",
        "AND (v_delta[p_locked + h.place] * a.sign >= 0 OR a.floor_minor IS NULL)) IS TRUE",
        "AND true) IS TRUE",
        modes.test_a_tallied_account_spends_what_it_has_and_no_more,
    ),
    Mutant(
        "a hold holds nothing",
        "o_held[p_hold_of] := p_hold_minor;",
        "o_held[p_hold_of] := 0;",
        holds.test_held_value_cannot_be_spent_and_comes_back,
    ),
    Mutant(
        "a hold ends twice",
        "WHERE h.id = p_settles AND h.state = 'open' AND a.id",
        "WHERE h.id = p_settles AND a.id",
        holds.test_held_value_cannot_be_spent_and_comes_back,
    ),
    Mutant(
        "a hold expires before its time",
        "AND (p_hold_end <> 'expired' OR h.expires_at <= p_happened_at)",
        "",
        holds.test_held_value_cannot_be_spent_and_comes_back,
    ),
    Mutant(
        "more is settled than was held",
        "           OR v_hold.amount_minor + coalesce(p_delta[v_place], 0) * v_hold.sign < 0 THEN",
        "           THEN",
        holds.test_held_value_cannot_be_spent_and_comes_back,
    ),
    Mutant(
        "a settled hold stays held",
        "o_held[v_place] := -v_hold.amount_minor;",
        "o_held[v_place] := 0;",
        holds.test_held_value_cannot_be_spent_and_comes_back,
    ),
    Mutant(
        "a reversal repeats instead of undoing",
        "SELECT array_agg(array_position(o_accounts, to_id) ORDER BY leg DESC),\n"
        "           array_agg(array_position(o_accounts, from_id) ORDER BY leg DESC),",
        "SELECT array_agg(array_position(o_accounts, from_id) ORDER BY leg DESC),\n"
        "           array_agg(array_position(o_accounts, to_id) ORDER BY leg DESC),",
        moves.test_an_entry_is_undone_once_with_all_its_legs,
    ),
    Mutant(
        "a reversal forgets a leg",
        "INTO o_from, o_to, o_amounts FROM legs WHERE entry_id = p_entry;",
        "INTO o_from, o_to, o_amounts FROM legs WHERE entry_id = p_entry AND leg < 4;",
        moves.test_an_entry_is_undone_once_with_all_its_legs,
    ),
    Mutant(
        "an entry is undone twice",
        "INSERT INTO reversals (reversed_id, entry_id) VALUES (p_entry, p_by) ON CONFLICT DO"
        " NOTHING;",
        "PERFORM 1;",
        moves.test_an_entry_is_undone_once_with_all_its_legs,
    ),
    Mutant(
        "a reversal is undone",
        "WHERE a.id = p_entry AND a.reverses IS NULL AND a.legs > 0;",
        "WHERE a.id = p_entry AND a.legs > 0;",
        moves.test_an_entry_is_undone_once_with_all_its_legs,
    ),
    Mutant(
        "nothing is said",
        "FROM (SELECT generate_subscripts(p_say_kind, 1) AS i) s)",
        "FROM (SELECT generate_series(1, 0) AS i) s)",
        moves.test_what_is_said_knows_the_balance_after,
    ),
    Mutant(
        "what is said knows another's balance",
        "o_balances[array_position(p_accounts, p_say_balance[i])])",
        "o_balances[1])",
        moves.test_what_is_said_knows_the_balance_after,
    ),
    Mutant(
        "a part of a hot account is said to be its balance",
        "p_accounts, o_balances)),",
        "p_accounts, coalesce(v_parts, o_balances))),",
        answers.test_a_replay_tells_what_was_told_first,
    ),
    Mutant(
        "the answer is not kept",
        "p_accounts, o_balances)),",
        "p_accounts, NULL)),",
        answers.test_a_replay_tells_what_was_told_first,
    ),
    Mutant(
        "a hot account is taken out of order",
        "        ELSIF v_account.mode = 'locked' THEN\n",
        "        ELSIF false THEN\n",
        modes.test_what_is_known_of_modes_is_corrected_before_a_lock_is_taken,
    ),
    Mutant(
        "a locked account is taken out of order",
        "        PERFORM ledger_misplaced(p_accounts);\n    ELSIF NOT p_taken",
        "        RAISE EXCEPTION 'ask again' USING ERRCODE = 'KB010';\n    ELSIF NOT p_taken",
        modes.test_what_is_known_of_modes_is_corrected_before_a_lock_is_taken,
    ),
    Mutant(
        "what was appended is taken twice",
        "WHERE h.place > p_locked AND NOT p_done[h.place - p_locked] ORDER",
        "WHERE h.place > p_locked ORDER",
        modes.test_a_sharded_account_is_debited_beside_an_appended_credit,
    ),
    Mutant(
        "a fold loses what it folds",
        "SELECT coalesce(sum(delta_minor), 0), count(*) INTO v_delta, v_rows FROM gone;",
        "SELECT 0, count(*) INTO v_delta, v_rows FROM gone;",
        moves.test_the_common_case_moves_four_legs_in_two_books,
    ),
    Mutant(
        "a sweep leaves the shards full",
        "UPDATE shards s SET balance_minor = 0, version = s.version + 1",
        "UPDATE shards s SET version = s.version + 1",
        modes.test_a_sharded_account_spends_what_it_has_and_no_more,
    ),
    Mutant(
        "a spread gives what it has not",
        "v_share := (v_account.balance_minor - v_account.held_minor) / v_account.shards;",
        "v_share := (v_account.balance_minor - v_account.held_minor) / v_account.shards + 1;",
        modes.test_a_sharded_account_spends_what_it_has_and_no_more,
    ),
]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_broken_writer_is_noticed(mutant: Mutant, scratch: str) -> None:
    scripts = [script for script in map(sql, SCRIPTS) if mutant.old in script]
    assert len(scripts) == 1, "the line that this mutant breaks is no longer in the writer"
    town = wiped(scratch)
    try:
        town.execute(loadable(scripts[0].replace(mutant.old, mutant.new)))
        with pytest.raises((Exception, pytest.fail.Exception)):
            mutant.killer(town)
    finally:
        town.engine.dispose()


def test_the_scripts_are_whole() -> None:
    """The mutated scripts hold functions only, so that loading them again changes nothing else."""
    for script in SCRIPTS:
        assert "CREATE TABLE" not in sql(script)
