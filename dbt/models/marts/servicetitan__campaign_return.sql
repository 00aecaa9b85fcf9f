{{ config(enabled=has_streams('campaigns', 'campaign_costs', 'calls', 'jobs', 'invoices')) }}

-- Each measure counts in its own month: a call and a job in that of its creation, money in that of the invoice.
with calls as (

    select
        campaign_id,
        {{ local_month('created_on') }} as month,
        count(*) as calls_in,
        countif(type = 'Booked') as calls_booked
    from {{ ref('stg_servicetitan__calls') }}
    where active is not false and direction = 'Inbound'
    group by campaign_id, month

),

jobs as (

    select
        campaign_id,
        {{ local_month('created_on') }} as month,
        count(*) as jobs_booked,
        countif(job_status = 'Completed') as jobs_completed
    from {{ ref('stg_servicetitan__jobs') }}
    where active is not false
    group by campaign_id, month

),

revenue as (

    select
        jobs.campaign_id,
        date_trunc(invoices.invoice_date, month) as month,
        sum(invoices.sub_total) as revenue
    from {{ ref('stg_servicetitan__invoices') }} as invoices
    inner join {{ ref('stg_servicetitan__jobs') }} as jobs
        on invoices.job_id = jobs.job_id
    where invoices.active is not false
    group by campaign_id, month

),

costs as (

    select
        campaign_id,
        date(year, month, 1) as month,
        sum(daily_cost * extract(day from last_day(date(year, month, 1)))) as cost
    from {{ ref('stg_servicetitan__campaign_costs') }}
    group by campaign_id, date(year, month, 1)

),

months as (

    select campaign_id, month from calls
    union distinct
    select campaign_id, month from jobs
    union distinct
    select campaign_id, month from revenue
    union distinct
    select campaign_id, month from costs

)

select
    months.month,
    months.campaign_id,
    campaigns.name as campaign_name,
    campaigns.category.name as category_name,
    coalesce(calls.calls_in, 0) as calls_in,
    coalesce(calls.calls_booked, 0) as calls_booked,
    coalesce(jobs.jobs_booked, 0) as jobs_booked,
    coalesce(jobs.jobs_completed, 0) as jobs_completed,
    coalesce(revenue.revenue, 0) as revenue,
    coalesce(costs.cost, 0) as cost,
    safe_divide(costs.cost, jobs.jobs_booked) as cost_per_job,
    safe_divide(coalesce(revenue.revenue, 0), costs.cost) as revenue_per_cost
from months
left join calls
    on months.campaign_id = calls.campaign_id and months.month = calls.month
left join jobs
    on months.campaign_id = jobs.campaign_id and months.month = jobs.month
left join revenue
    on months.campaign_id = revenue.campaign_id and months.month = revenue.month
left join costs
    on months.campaign_id = costs.campaign_id and months.month = costs.month
left join {{ ref('stg_servicetitan__campaigns') }} as campaigns
    on months.campaign_id = campaigns.campaign_id
where months.campaign_id is not null
