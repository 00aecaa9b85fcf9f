INSERT INTO `co-1.bronze.jobs` (`id`, `address`, `custom`, `tags`, `items`, `_etl_operation`, `_etl_synced`)
SELECT `id`, `address`, `custom`, `tags`, `items`, IF(_etl_s.`_etl_deleted`, 'DELETE', 'INSERT'), @synced
FROM (
  SELECT
    _etl_s.* EXCEPT (`_etl_sequence`) REPLACE (
      PARSE_JSON(_etl_s.`custom`, wide_number_mode => 'round') AS `custom`,
      ARRAY(SELECT IF(_etl_item_1 IS NULL, NULL, STRUCT(_etl_item_1.`price` AS `price`, PARSE_JSON(_etl_item_1.`extra`, wide_number_mode => 'round') AS `extra`, ARRAY(SELECT IF(_etl_item_2 IS NULL, NULL, STRUCT(PARSE_JSON(_etl_item_2.`note`, wide_number_mode => 'round') AS `note`)) FROM UNNEST(_etl_item_1.`parts`) AS _etl_item_2 WITH OFFSET AS _etl_position_2 ORDER BY _etl_position_2) AS `parts`)) FROM UNNEST(_etl_s.`items`) AS _etl_item_1 WITH OFFSET AS _etl_position_1 ORDER BY _etl_position_1) AS `items`
    )
  FROM `co-1.staging.jobs__r1_3` AS _etl_s
) AS _etl_s
WHERE IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE)
