{# Return whether the company syncs all of these streams. #}
{% macro has_streams() %}
    {%- set ns = namespace(all=true) -%}
    {%- for stream in varargs if stream in var('servicetitan_without') -%}
        {%- set ns.all = false -%}
    {%- endfor -%}
    {{ return(ns.all) }}
{% endmacro %}
