"""Safaricom's codes and the words that come with them: results of payments, errors of requests."""

from typing import Final

DONE: Final = "The service request is processed successfully."
PENDING: Final = "4999"
ACCEPTED: Final = "Accept the service request successfully."

RESULTS: Final = {
    "0": DONE,
    "1": "The balance is insufficient for the transaction.",
    "2": "Declined due to limit rule: less than the minimum transaction amount.",
    "3": "Declined due to limit rule: greater than the maximum transaction amount.",
    "4": "Declined due to limit rule: would exceed daily transfer limit.",
    "8": "Declined due to limit rule: would exceed the maximum balance.",
    "11": "DebitParty is in an invalid state.",
    "17": "Rule limited.",
    "21": "The initiator is not allowed to initiate this request.",
    "26": "Traffic blocking condition in place.",
    "1001": "Unable to lock subscriber, a transaction is already in process for the current "
    "subscriber",
    "1019": "Transaction has expired",
    "1025": "An error occurred while sending a push request",
    "1032": "Request cancelled by user",
    "1036": "[STK_CB - ]SMSC ACK timeout.",
    "1037": "DS timeout user cannot be reached",
    "2001": "The initiator information is invalid.",
    "2006": "The business account is not active.",
    "2028": "The request is not permitted according to product assignment.",
    "2032": "The transaction receipt number does not exist.",
    "2040": "Credit Party customer type (Unregistered or Registered Customer) can't be supported "
    "by the service.",
    "4999": "The transaction is still under processing",
    "8006": "The security credential is locked.",
    "9999": "An error occurred while sending a push request",
    "R000001": "The transaction has already been reversed.",
    "R000002": "The OriginalTransactionID is invalid.",
    "SFC_IC0003": "The operator does not exist.",
}
NO_RESPONSE: Final = "No response from user."

ERRORS: Final = {
    "400.002.02": (400, "Bad Request - Invalid Request"),
    "400.002.05": (400, "Invalid Request Payload"),
    "400.003.01": (400, "Invalid Access Token"),
    "400.003.02": (400, "Bad Request"),
    "400.008.01": (400, "Invalid Authentication passed"),
    "400.008.02": (400, "Invalid grant type passed"),
    "401.002.01": (401, "Error Occurred - Invalid Access Token"),
    "401.003.01": (
        401,
        "Error Occurred - Invalid Access Token - Invalid API call as no apiproduct match found",
    ),
    "404.001.01": (404, "Resource not found"),
    "404.001.03": (404, "Invalid Access Token"),
    "404.001.04": (404, "Invalid Authentication Header"),
    "405.001": (405, "Method Not Allowed"),
    "500.001.1001": (500, "Merchant does not exist"),
    "500.002.1001": (500, "System internal error."),
    "500.003.02": (500, "Error Occurred: Spike Arrest Violation"),
    "500.003.03": (500, "Error Occurred: Quota Violation"),
    "500.003.1001": (500, "Internal Server Error"),
}
WRONG_CREDENTIALS: Final = "[MerchantValidate] - Wrong credentials"
DUPLICATE: Final = "Duplicate OriginatorConversationID."
ALREADY_REGISTERED: Final = "Urls are already registered."


class Refused(Exception):
    """A request that Safaricom refuses at once. `why` is for the developer, in plain words."""

    def __init__(self, code: str, why: str, message: str = "") -> None:
        status, usual = ERRORS.get(code, (500, "Internal Server Error"))
        self.status = status
        self.code = code
        self.message = message or usual
        self.why = why
        super().__init__(why)


class Declined(Exception):
    """A payment that does not happen, with its result code."""

    def __init__(self, code: str, said: str = "") -> None:
        self.code = code
        self.said = said or RESULTS.get(code, "The service request failed.")
        super().__init__(self.said)
