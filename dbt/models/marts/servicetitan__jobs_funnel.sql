{{ config(enabled=has_streams('jobs', 'appointments', 'business_units')) }}

with planned as (

    select distinct job_id
    from {{ ref('stg_servicetitan__appointments') }}
    where active is not false and start_time is not null

),

jobs as (

    select
        {{ local_day('jobs.created_on') }} as day,
        jobs.business_unit_id,
        business_units.name as business_unit_name,
        planned.job_id is not null as is_scheduled,
        jobs.job_status = 'Canceled' as is_canceled,
        jobs.job_status = 'Completed' as is_completed,
        {{ hours_between('jobs.created_on', 'jobs.completed_on') }} / 24 as days_to_completion
    from {{ ref('stg_servicetitan__jobs') }} as jobs
    left join planned
        on jobs.job_id = planned.job_id
    left join {{ ref('stg_servicetitan__business_units') }} as business_units
        on jobs.business_unit_id = business_units.business_unit_id
    where jobs.active is not false

)

select
    day,
    business_unit_id,
    any_value(business_unit_name) as business_unit_name,
    count(*) as booked,
    countif(is_scheduled) as scheduled,
    countif(is_canceled) as canceled,
    countif(is_completed) as completed,
    count(*) - countif(is_canceled) - countif(is_completed) as still_open,
    countif(is_completed) / count(*) as completed_share,
    countif(is_canceled) / count(*) as canceled_share,
    avg(if(is_completed, days_to_completion, null)) as average_days_to_completion
from jobs
group by day, business_unit_id
