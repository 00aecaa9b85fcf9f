SELECT `id`, `address`, `custom`, `tags`, `items`, 'INSERT' AS `_etl_operation`, @synced AS `_etl_synced`
FROM (
  SELECT
    _etl_s.* EXCEPT (`_etl_sequence`) REPLACE (
      PARSE_JSON(_etl_s.`custom`, wide_number_mode => 'round') AS `custom`,
      ARRAY(SELECT IF(_etl_item_1 IS NULL, NULL, STRUCT(_etl_item_1.`price` AS `price`, PARSE_JSON(_etl_item_1.`extra`, wide_number_mode => 'round') AS `extra`, ARRAY(SELECT IF(_etl_item_2 IS NULL, NULL, STRUCT(PARSE_JSON(_etl_item_2.`note`, wide_number_mode => 'round') AS `note`)) FROM UNNEST(_etl_item_1.`parts`) AS _etl_item_2 WITH OFFSET AS _etl_position_2 ORDER BY _etl_position_2) AS `parts`)) FROM UNNEST(_etl_s.`items`) AS _etl_item_1 WITH OFFSET AS _etl_position_1 ORDER BY _etl_position_1) AS `items`
    )
  FROM `co-1.staging.jobs__r1_3` AS _etl_s
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY _etl_s.`id` ORDER BY _etl_s.`_etl_sequence` DESC) = 1
) AS _etl_s
WHERE IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) AND IF(EXISTS(SELECT 1 FROM `co-1.bronze.jobs` AS _etl_t), ERROR('etl: the new table has a row already'), TRUE)
