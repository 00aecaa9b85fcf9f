INSERT INTO `co-1.bronze.jobs` (`id`, `address`, `custom`, `tags`, `items`, `_etl_operation`, `_etl_synced`)
SELECT `id`, `address`, `custom`, `tags`, `items`, IF(_etl_s.`_etl_deleted`, 'DELETE', 'INSERT'), @synced
FROM (
  SELECT
    _etl_s.* EXCEPT (`_etl_sequence`) REPLACE (
      PARSE_JSON(_etl_s.`custom`, wide_number_mode => 'round') AS `custom`,
      ARRAY(SELECT IF(_etl_item_1 IS NULL, NULL, STRUCT(_etl_item_1.`price` AS `price`, PARSE_JSON(_etl_item_1.`extra`, wide_number_mode => 'round') AS `extra`, ARRAY(SELECT IF(_etl_item_2 IS NULL, NULL, STRUCT(PARSE_JSON(_etl_item_2.`note`, wide_number_mode => 'round') AS `note`)) FROM UNNEST(_etl_item_1.`parts`) AS _etl_item_2 WITH OFFSET AS _etl_position_2 ORDER BY _etl_position_2) AS `parts`)) FROM UNNEST(_etl_s.`items`) AS _etl_item_1 WITH OFFSET AS _etl_position_1 ORDER BY _etl_position_1) AS `items`
    )
  FROM (
    SELECT
      CAST(JSON_VALUE(_etl_r, '$[0]') AS INT64) AS `id`,
      IF(JSON_VALUE(_etl_r, '$[1][0]') IS NULL, NULL, STRUCT(JSON_VALUE(_etl_r, '$[1][1]') AS `street`, CAST(JSON_VALUE(_etl_r, '$[1][2]') AS INT64) AS `unit`)) AS `address`,
      JSON_VALUE(_etl_r, '$[2]') AS `custom`,
      ARRAY(SELECT JSON_VALUE(_etl_item_1, '$') FROM UNNEST(JSON_QUERY_ARRAY(_etl_r, '$[3]')) AS _etl_item_1 WITH OFFSET AS _etl_position_1 ORDER BY _etl_position_1) AS `tags`,
      ARRAY(SELECT IF(JSON_VALUE(_etl_item_1, '$[0]') IS NULL, NULL, STRUCT(CAST(JSON_VALUE(_etl_item_1, '$[1]') AS NUMERIC) AS `price`, JSON_VALUE(_etl_item_1, '$[2]') AS `extra`, ARRAY(SELECT IF(JSON_VALUE(_etl_item_2, '$[0]') IS NULL, NULL, STRUCT(JSON_VALUE(_etl_item_2, '$[1]') AS `note`)) FROM UNNEST(JSON_QUERY_ARRAY(_etl_item_1, '$[3]')) AS _etl_item_2 WITH OFFSET AS _etl_position_2 ORDER BY _etl_position_2) AS `parts`)) FROM UNNEST(JSON_QUERY_ARRAY(_etl_r, '$[4]')) AS _etl_item_1 WITH OFFSET AS _etl_position_1 ORDER BY _etl_position_1) AS `items`,
      IFNULL(JSON_VALUE(_etl_r, '$[5]') = '1', FALSE) AS `_etl_deleted`,
      _etl_position AS `_etl_sequence`
    FROM UNNEST(JSON_QUERY_ARRAY(PARSE_JSON(@rows))) AS _etl_r WITH OFFSET AS _etl_position
  ) AS _etl_s
) AS _etl_s
WHERE IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE)
