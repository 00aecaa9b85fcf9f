{{ config(enabled=has_streams('invoices', 'business_units')) }}

-- Corrections are invoices of their own, with negative amounts: the sum is what was billed.
select
    invoices.invoice_date as day,
    invoices.business_unit_id,
    coalesce(any_value(business_units.name), any_value(invoices.business_unit.name)) as business_unit_name,
    count(*) as invoice_count,
    sum(invoices.sub_total) as revenue,
    sum(invoices.sales_tax) as sales_tax,
    sum(invoices.total) as billed,
    sum(invoices.balance) as still_owed
from {{ ref('stg_servicetitan__invoices') }} as invoices
left join {{ ref('stg_servicetitan__business_units') }} as business_units
    on invoices.business_unit_id = business_units.business_unit_id
where invoices.active is not false
group by invoices.invoice_date, invoices.business_unit_id
