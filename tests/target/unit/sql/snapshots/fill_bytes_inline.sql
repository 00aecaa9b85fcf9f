SELECT `id`, `file`, `text`, `parts`, `doc`, 'INSERT' AS `_etl_operation`, @synced AS `_etl_synced`
FROM (
  SELECT
    _etl_s.* EXCEPT (`_etl_sequence`) REPLACE (
      FROM_BASE64(_etl_s.`file`) AS `file`,
      ARRAY(SELECT FROM_BASE64(_etl_item_1) FROM UNNEST(_etl_s.`parts`) AS _etl_item_1 WITH OFFSET AS _etl_position_1 ORDER BY _etl_position_1) AS `parts`,
      IF(_etl_s.`doc` IS NULL, NULL, STRUCT(FROM_BASE64(_etl_s.`doc`.`file`) AS `file`)) AS `doc`
    )
  FROM (
    SELECT
      CAST(JSON_VALUE(_etl_r, '$[0]') AS INT64) AS `id`,
      JSON_VALUE(_etl_r, '$[1]') AS `file`,
      JSON_VALUE(_etl_r, '$[2]') AS `text`,
      ARRAY(SELECT JSON_VALUE(_etl_item_1, '$') FROM UNNEST(JSON_QUERY_ARRAY(_etl_r, '$[3]')) AS _etl_item_1 WITH OFFSET AS _etl_position_1 ORDER BY _etl_position_1) AS `parts`,
      IF(JSON_VALUE(_etl_r, '$[4][0]') IS NULL, NULL, STRUCT(JSON_VALUE(_etl_r, '$[4][1]') AS `file`)) AS `doc`,
      IFNULL(JSON_VALUE(_etl_r, '$[5]') = '1', FALSE) AS `_etl_deleted`,
      _etl_position AS `_etl_sequence`
    FROM UNNEST(JSON_QUERY_ARRAY(PARSE_JSON(@rows))) AS _etl_r WITH OFFSET AS _etl_position
  ) AS _etl_s
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY _etl_s.`id` ORDER BY _etl_s.`_etl_sequence` DESC) = 1
) AS _etl_s
WHERE IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) AND IF(EXISTS(SELECT 1 FROM `co-1.bronze.jobs` AS _etl_t), ERROR('etl: the new table has a row already'), TRUE)
