{{ config(enabled=has_streams('timesheets', 'activities', 'appointments', 'appointment_assignments', 'technicians')) }}

-- A stretch of time counts on the day on which it began, also if it ends on the next one.
with visits as (

    select
        technician_id,
        {{ local_day('coalesce(dispatched_on, arrived_on)') }} as day,
        count(*) as visits_done,
        count(distinct job_id) as jobs_worked_on,
        sum({{ hours_between('dispatched_on', 'arrived_on') }}) as drive_hours,
        sum({{ hours_between('arrived_on', 'done_on') }}) as work_hours
    from {{ ref('stg_servicetitan__timesheets') }}
    where active is not false and canceled_on is null and done_on is not null
    group by technician_id, day

),

clocked as (

    select
        employee_id as technician_id,
        {{ local_day('start_time') }} as day,
        sum({{ hours_between('start_time', 'end_time') }}) as clocked_hours,
        sum(if(job_id is null, {{ hours_between('start_time', 'end_time') }}, 0)) as clocked_hours_without_job
    from {{ ref('stg_servicetitan__activities') }}
    where active is not false and employee_type = 'Technician' and end_time is not null
    group by technician_id, day

),

planned as (

    select
        assignments.technician_id,
        {{ local_day('appointments.start_time') }} as day,
        count(distinct assignments.appointment_id) as visits_planned
    from {{ ref('stg_servicetitan__appointment_assignments') }} as assignments
    inner join {{ ref('stg_servicetitan__appointments') }} as appointments
        on assignments.appointment_id = appointments.appointment_id
    where
        assignments.active is not false
        and appointments.active is not false
        and appointments.status != 'Canceled'
    group by technician_id, day

),

days as (

    select technician_id, day from visits
    union distinct
    select technician_id, day from clocked
    union distinct
    select technician_id, day from planned

)

select
    days.day,
    days.technician_id,
    technicians.name as technician_name,
    technicians.business_unit_id,
    coalesce(planned.visits_planned, 0) as visits_planned,
    coalesce(visits.visits_done, 0) as visits_done,
    coalesce(visits.jobs_worked_on, 0) as jobs_worked_on,
    coalesce(visits.drive_hours, 0) as drive_hours,
    coalesce(visits.work_hours, 0) as work_hours,
    coalesce(clocked.clocked_hours, 0) as clocked_hours,
    coalesce(clocked.clocked_hours_without_job, 0) as clocked_hours_without_job,
    safe_divide(coalesce(visits.work_hours, 0), clocked.clocked_hours) as productive_share
from days
left join visits
    on days.technician_id = visits.technician_id and days.day = visits.day
left join clocked
    on days.technician_id = clocked.technician_id and days.day = clocked.day
left join planned
    on days.technician_id = planned.technician_id and days.day = planned.day
left join {{ ref('stg_servicetitan__technicians') }} as technicians
    on days.technician_id = technicians.technician_id
