"""Accounting API: invoices, bills, payments and journal entries."""

from __future__ import annotations

from tap_servicetitan.specs.spec import Parent, StreamSpec

STREAMS = (
    # The list returns one type of bill, by default procurement. A bill that has never changed may lack a time of
    # change, so the lists are read in full: a filter by change would miss it.
    StreamSpec(
        name="ap_bills",
        list_path="/accounting/v2/tenant/{tenant}/ap-bills",
        is_freezable=True,
        query={"billType": "ApBill"},
    ),
    StreamSpec(
        name="ap_procurement_bills",
        list_path="/accounting/v2/tenant/{tenant}/ap-bills",
        is_freezable=True,
        query={"billType": "Procurement"},
    ),
    StreamSpec(
        name="ap_bill_custom_fields",
        list_path="/accounting/v2/tenant/{tenant}/ap-bills/custom-fields",
        is_freezable=True,
    ),
    StreamSpec(
        name="ap_credits",
        list_path="/accounting/v2/tenant/{tenant}/ap-credits",
        changed_since="modifiedOnOrAfter",
        changed_before="modifiedBefore",
    ),
    StreamSpec(
        name="ap_credit_custom_fields",
        list_path="/accounting/v2/tenant/{tenant}/ap-credits/custom-fields",
        is_freezable=True,
    ),
    StreamSpec(
        name="ap_payments",
        list_path="/accounting/v2/tenant/{tenant}/ap-payments",
        changed_since="modifiedOnOrAfter",
        changed_before="modifiedBefore",
    ),
    StreamSpec(
        name="ap_payment_custom_fields",
        list_path="/accounting/v2/tenant/{tenant}/ap-payments/custom-fields",
        is_freezable=True,
    ),
    # The time of change may be missing, as in ap_bills.
    StreamSpec(
        name="bank_deposits",
        list_path="/accounting/v2/tenant/{tenant}/bank-deposits",
    ),
    StreamSpec(
        name="bank_deposit_transactions",
        list_path="/accounting/v2/tenant/{tenant}/bank-deposits/{id}/transactions",
        key=("bankDepositId", "id"),
        parent=Parent(stream="bank_deposits", placeholder="id", field="bankDepositId"),
    ),
    StreamSpec(
        name="credit_memos",
        list_path="/accounting/v2/tenant/{tenant}/credit-memos",
        is_freezable=True,
        changed_since="modifiedOnOrAfter",
        changed_before="modifiedBefore",
        query={"active": "Any"},
    ),
    StreamSpec(
        name="credit_memo_items",
        list_path="/accounting/v2/tenant/{tenant}/credit-memos/credit-memo-items",
        is_freezable=True,
        cursor=None,
        query={"active": "Any"},
    ),
    StreamSpec(
        name="credit_memo_custom_fields",
        list_path="/accounting/v2/tenant/{tenant}/credit-memos/custom-fields",
        is_freezable=True,
    ),
    StreamSpec(
        name="gl_accounts",
        list_path="/accounting/v2/tenant/{tenant}/gl-accounts",
        is_freezable=True,
        query={"active": "Any"},
    ),
    StreamSpec(
        name="gl_account_types",
        list_path="/accounting/v2/tenant/{tenant}/gl-accounts/types",
        is_freezable=True,
        query={"active": "Any"},
    ),
    # The list shows only active bills, without the field `active`.
    StreamSpec(
        name="inventory_bills",
        list_path="/accounting/v2/tenant/{tenant}/inventory-bills/paginated",
        export_path="/accounting/v2/tenant/{tenant}/export/inventory-bills",
    ),
    StreamSpec(
        name="inventory_bill_custom_fields",
        list_path="/accounting/v2/tenant/{tenant}/inventory-bills/custom-fields",
        is_freezable=True,
    ),
    # The list documents no sort field: a long list without an order may keep changing during a full pass.
    StreamSpec(
        name="invoices",
        list_path="/accounting/v2/tenant/{tenant}/invoices",
        takes_ids=True,
        export_path="/accounting/v2/tenant/{tenant}/export/invoices",
        query={"activeState": "All"},
    ),
    StreamSpec(
        name="invoice_custom_fields",
        list_path="/accounting/v2/tenant/{tenant}/invoices/custom-fields",
        is_freezable=True,
    ),
    StreamSpec(
        name="invoice_items",
        export_path="/accounting/v2/tenant/{tenant}/export/invoice-items",
    ),
    StreamSpec(
        name="invoice_tasks",
        list_path="/accounting/v2/tenant/{tenant}/invoices/{invoiceId}/tasks",
        key=("invoiceId", "taskId"),
        cursor=None,
        parent=Parent(stream="invoices", placeholder="invoiceId", field="invoiceId"),
    ),
    # The keys are UUIDs, and nothing says in which order the API sorts them.
    StreamSpec(
        name="journal_entries",
        list_path="/accounting/v2/tenant/{tenant}/journal-entries",
        most_per_page=500,
        takes_ids=True,
        is_freezable=True,
        changed_since="modifiedOnOrAfter",
        changed_before="modifiedBefore",
        query={"empty": "Include", "sort": "+Id"},
    ),
    # The lines of an entry have no key.
    StreamSpec(
        name="journal_entry_details",
        list_path="/accounting/v2/tenant/{tenant}/journal-entries/{id}/details",
        most_per_page=500,
        key=("journalEntryId", "position"),
        numbered=True,
        cursor=None,
        parent=Parent(stream="journal_entries", placeholder="id", field="journalEntryId"),
    ),
    StreamSpec(
        name="journal_entry_summaries",
        list_path="/accounting/v2/tenant/{tenant}/journal-entries/{id}/summary",
        most_per_page=500,
        key=("journalEntryId", "position"),
        numbered=True,
        cursor=None,
        parent=Parent(stream="journal_entries", placeholder="id", field="journalEntryId"),
    ),
    # No sort field is documented, as for invoices.
    StreamSpec(
        name="payments",
        list_path="/accounting/v2/tenant/{tenant}/payments",
        export_path="/accounting/v2/tenant/{tenant}/export/payments",
        query={"activeState": "All"},
    ),
    StreamSpec(
        name="payment_custom_fields",
        list_path="/accounting/v2/tenant/{tenant}/payments/custom-fields",
        is_freezable=True,
    ),
    StreamSpec(
        name="payment_terms",
        list_path="/accounting/v2/tenant/{tenant}/payment-terms",
        query={"sort": "+Id"},
    ),
    StreamSpec(
        name="payment_types",
        list_path="/accounting/v2/tenant/{tenant}/payment-types",
        is_freezable=True,
        query={"active": "Any"},
    ),
    StreamSpec(
        name="remittance_vendors",
        list_path="/accounting/v2/tenant/{tenant}/remittance-vendors",
        is_freezable=True,
        query={"active": "Any", "sort": "+Id"},
    ),
    StreamSpec(
        name="tax_zones",
        list_path="/accounting/v2/tenant/{tenant}/tax-zones",
        is_freezable=True,
        query={"active": "Any", "sort": "+Id"},
    ),
)
