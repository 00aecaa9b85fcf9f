SELECT MIN(value) AS first, MAX(value) AS last
FROM (SELECT `day` AS value, DENSE_RANK() OVER (ORDER BY TIMESTAMP_TRUNC(TIMESTAMP(`day`), DAY)) AS position
  FROM (
  SELECT
    CAST(JSON_VALUE(_etl_r, '$[0]') AS DATE) AS `day`,
    JSON_VALUE(_etl_r, '$[1]') AS `group`,
    CAST(JSON_VALUE(_etl_r, '$[2]') AS FLOAT64) AS `weight`,
    JSON_VALUE(_etl_r, '$[3]') AS `name`,
    IFNULL(JSON_VALUE(_etl_r, '$[4]') = '1', FALSE) AS `_etl_deleted`,
    _etl_position AS `_etl_sequence`
  FROM UNNEST(JSON_QUERY_ARRAY(PARSE_JSON(@rows))) AS _etl_r WITH OFFSET AS _etl_position
) WHERE `day` IS NOT NULL)
GROUP BY FLOOR((position - 1) / @most)
ORDER BY first
