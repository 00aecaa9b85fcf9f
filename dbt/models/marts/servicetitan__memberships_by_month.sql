{{ config(enabled=has_streams('memberships', 'membership_types', 'membership_status_changes')) }}

with memberships as (

    select
        memberships.membership_id,
        memberships.membership_type_id,
        memberships.from_date,
        memberships.to_date,
        memberships.status,
        renewed.renewed_by_id is not null as is_renewal
    from {{ ref('stg_servicetitan__memberships') }} as memberships
    left join (
        select distinct renewed_by_id
        from {{ ref('stg_servicetitan__memberships') }}
        where renewed_by_id is not null
    ) as renewed
        on memberships.membership_id = renewed.renewed_by_id
    where memberships.from_date is not null

),

changes as (

    select
        membership_id,
        old_status,
        new_status,
        created_on as changed_on,
        {{ local_month('created_on') }} as month
    from {{ ref('stg_servicetitan__membership_status_changes') }}

),

months as (

    select
        month,
        last_day(month) as last_day
    from
        unnest(
            generate_date_array(
                (select date_trunc(min(from_date), month) from memberships),
                {{ local_month('current_timestamp()') }},
                interval 1 month
            )
        ) as month

),

last_changes as (

    select
        months.month,
        changes.membership_id,
        changes.new_status
    from months
    inner join changes
        on changes.month <= months.month
    where true
    qualify row_number() over (partition by months.month, changes.membership_id order by changes.changed_on desc) = 1

),

next_changes as (

    select
        months.month,
        changes.membership_id,
        changes.old_status
    from months
    inner join changes
        on changes.month > months.month
    where true
    qualify row_number() over (partition by months.month, changes.membership_id order by changes.changed_on) = 1

),

-- The state at the end of a month: that of the last change until then; else the one that the next change ended; else,
-- without any change, the one of today.
states as (

    select
        months.month,
        memberships.membership_id,
        coalesce(last_changes.new_status, next_changes.old_status, memberships.status) as status
    from months
    inner join memberships
        on memberships.from_date <= months.last_day
    left join last_changes
        on months.month = last_changes.month and memberships.membership_id = last_changes.membership_id
    left join next_changes
        on months.month = next_changes.month and memberships.membership_id = next_changes.membership_id

),

measures as (

    select
        states.month,
        memberships.membership_type_id,
        countif(
            states.status = 'Active' and (memberships.to_date is null or memberships.to_date >= last_day(states.month))
        ) as active_at_end,
        countif(date_trunc(memberships.from_date, month) = states.month and not memberships.is_renewal) as joined,
        countif(date_trunc(memberships.from_date, month) = states.month and memberships.is_renewal) as renewed,
        0 as canceled,
        0 as expired
    from states
    inner join memberships
        on states.membership_id = memberships.membership_id
    group by states.month, memberships.membership_type_id

    union all

    select
        changes.month,
        memberships.membership_type_id,
        0 as active_at_end,
        0 as joined,
        0 as renewed,
        countif(changes.new_status = 'Canceled') as canceled,
        countif(changes.new_status = 'Expired') as expired
    from changes
    inner join memberships
        on changes.membership_id = memberships.membership_id
    group by changes.month, memberships.membership_type_id

)

select
    measures.month,
    measures.membership_type_id,
    any_value(membership_types.name) as membership_type_name,
    sum(measures.active_at_end) as active_at_end,
    sum(measures.joined) as joined,
    sum(measures.renewed) as renewed,
    sum(measures.canceled) as canceled,
    sum(measures.expired) as expired
from measures
left join {{ ref('stg_servicetitan__membership_types') }} as membership_types
    on measures.membership_type_id = membership_types.membership_type_id
group by measures.month, measures.membership_type_id
