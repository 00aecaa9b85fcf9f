SELECT COUNTIF(SAFE_CAST(CAST(_etl_t.`id` AS FLOAT64) AS INT64) IS DISTINCT FROM _etl_t.`id`) AS lost FROM (
  SELECT
    CAST(JSON_VALUE(_etl_r, '$[0]') AS INT64) AS `id`,
    JSON_VALUE(_etl_r, '$[1]') AS `name`,
    CAST(JSON_VALUE(_etl_r, '$[2]') AS BOOL) AS `active`,
    CAST(JSON_VALUE(_etl_r, '$[3]') AS NUMERIC) AS `price`,
    CAST(JSON_VALUE(_etl_r, '$[4]') AS BIGNUMERIC) AS `rate`,
    CAST(JSON_VALUE(_etl_r, '$[5]') AS FLOAT64) AS `distance`,
    TIMESTAMP_MICROS(CAST(JSON_VALUE(_etl_r, '$[6]') AS INT64)) AS `modified_on`,
    CAST(JSON_VALUE(_etl_r, '$[7]') AS DATE) AS `day`,
    CAST(JSON_VALUE(_etl_r, '$[8]') AS TIME) AS `end`,
    IFNULL(JSON_VALUE(_etl_r, '$[9]') = '1', FALSE) AS `_etl_deleted`,
    _etl_position AS `_etl_sequence`
  FROM UNNEST(JSON_QUERY_ARRAY(PARSE_JSON(@rows))) AS _etl_r WITH OFFSET AS _etl_position
) AS _etl_t
