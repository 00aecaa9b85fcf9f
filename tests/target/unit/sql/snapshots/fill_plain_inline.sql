SELECT `id`, `name`, `active`, `price`, `rate`, `distance`, `modified_on`, `day`, `end`, 'INSERT' AS `_etl_operation`, @synced AS `_etl_synced`
FROM (
  SELECT
    _etl_s.* EXCEPT (`_etl_sequence`)
  FROM (
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
  ) AS _etl_s
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY _etl_s.`id` ORDER BY _etl_s.`_etl_sequence` DESC) = 1
) AS _etl_s
WHERE IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) AND IF(EXISTS(SELECT 1 FROM `co-1.bronze.jobs` AS _etl_t), ERROR('etl: the new table has a row already'), TRUE)
