{# A column of the source with NULL for the first moment of the year 1, which ServiceTitan sends where there is no time. #}
{% macro moment(column) -%}
    nullif({{ column }}, timestamp '0001-01-01 00:00:00+00')
{%- endmacro %}

{# The day of a moment by the company's clock. #}
{% macro local_day(moment) -%}
    date({{ moment }}, '{{ var("servicetitan_timezone") }}')
{%- endmacro %}

{# The first day of the month of a moment, by the company's clock. #}
{% macro local_month(moment) -%}
    date_trunc({{ local_day(moment) }}, month)
{%- endmacro %}

{# The hours from one moment to a later one, to the second; NULL if one of them is missing. #}
{% macro hours_between(start, end) -%}
    timestamp_diff({{ end }}, {{ start }}, second) / 3600
{%- endmacro %}
