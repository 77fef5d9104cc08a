"""Who somebody is, at the counter: limits and how to raise them, security questions."""

from collections.abc import Mapping

from ussd_app.domain import kyc, questions
from ussd_app.domain.commands import PARTY, Command
from ussd_app.kernel.errors import RefusalCode as Code

COMMANDS: Mapping[str, Command] = {
    "my_limits": Command(
        "find",
        {},
        {
            "tier": "count",
            "today": "money",
            "month": "money",
            "most": "money",
            "raising": "choice(no, asked, yes)",
        },
        PARTY,
        kyc.my_limits,
    ),
    "request_tier": Command(
        "do",
        {"proof": "ref", "national_id": "national_id"},
        {},
        PARTY | {Code.PROOF_EXPIRED, Code.NOT_YOURS, Code.ID_MISMATCH, Code.ALREADY_ASKED},
        kyc.request_tier,
    ),
    "questions": Command("find", {}, {"questions": "rows(10, 28)"}, PARTY, questions.offered),
    "set_first_answer": Command(
        "do",
        {"proof": "ref", "question": "ref", "answer": "answer"},
        {"proof": "ref", "questions": "rows(10, 28)"},
        PARTY | {Code.PROOF_EXPIRED},
        questions.set_first,
    ),
    "set_second_answer": Command(
        "do",
        {"proof": "ref", "question": "ref", "answer": "answer"},
        {},
        PARTY | {Code.PROOF_EXPIRED},
        questions.set_second,
    ),
    "ask_question": Command(
        "do",
        {"national_id": "national_id"},
        {"question": "text(28)", "proof": "ref"},
        PARTY | {Code.PIN_NOT_LOCKED, Code.NO_QUESTIONS, Code.TOO_MANY_REQUESTS, Code.ID_MISMATCH},
        questions.ask_first,
    ),
    "answer_question": Command(
        "do",
        {"proof": "ref", "answer": "answer"},
        {"question": "text(28)", "proof": "ref"},
        PARTY | {Code.PROOF_EXPIRED, Code.WRONG_ANSWER},
        questions.ask_second,
    ),
    "unlock_by_answers": Command(
        "do",
        {"proof": "ref", "answer": "answer", "chosen": "ref"},
        {},
        PARTY | {Code.PROOF_EXPIRED, Code.WRONG_ANSWER},
        questions.unlock,
    ),
}
