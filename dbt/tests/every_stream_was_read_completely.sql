-- The streams that the models read and whose last complete run is too long ago, or that never had one.
-- `_etl_synced` cannot tell: it stays where it is as long as nothing changes at the source.
select
    stream,
    status,
    reason,
    last_run,
    last_complete
from {{ source('servicetitan_management', 'freshness') }}
where
    stream in (
        {%- for node in graph.sources.values() if node.source_name == 'servicetitan' %}
        '{{ node.name }}'{{ ',' if not loop.last }}
        {%- endfor %}
    )
    and (last_complete is null or lag_minutes > 60 * {{ var('servicetitan_most_hours') }})
