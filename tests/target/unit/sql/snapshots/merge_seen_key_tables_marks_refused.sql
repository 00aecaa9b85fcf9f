MERGE `co-1.bronze.jobs` AS _etl_t
USING (
  SELECT
    _etl_s.* EXCEPT (`_etl_sequence`) REPLACE (
      PARSE_JSON(_etl_s.`custom`, wide_number_mode => 'round') AS `custom`,
      ARRAY(SELECT IF(_etl_item_1 IS NULL, NULL, STRUCT(_etl_item_1.`price` AS `price`, PARSE_JSON(_etl_item_1.`extra`, wide_number_mode => 'round') AS `extra`, ARRAY(SELECT IF(_etl_item_2 IS NULL, NULL, STRUCT(PARSE_JSON(_etl_item_2.`note`, wide_number_mode => 'round') AS `note`)) FROM UNNEST(_etl_item_1.`parts`) AS _etl_item_2 WITH OFFSET AS _etl_position_2 ORDER BY _etl_position_2) AS `parts`)) FROM UNNEST(_etl_s.`items`) AS _etl_item_1 WITH OFFSET AS _etl_position_1 ORDER BY _etl_position_1) AS `items`
    ),
    FALSE AS `_etl_present_only`
  FROM `co-1.staging.jobs__r1_3` AS _etl_s
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY _etl_s.`id` ORDER BY _etl_s.`_etl_sequence` DESC) = 1
  UNION ALL
  SELECT
    _etl_s.`id` AS `id`,
    CAST(NULL AS STRUCT<`street` STRING, `unit` INT64>) AS `address`,
    CAST(NULL AS JSON) AS `custom`,
    CAST(NULL AS ARRAY<STRING>) AS `tags`,
    CAST(NULL AS ARRAY<STRUCT<`price` NUMERIC, `extra` JSON, `parts` ARRAY<STRUCT<`note` JSON>>>>) AS `items`,
    FALSE AS `_etl_deleted`,
    TRUE AS `_etl_present_only`
  FROM (
    SELECT `id` FROM `co-1.staging.jobs__r1_1`
    UNION ALL
    SELECT `id` FROM `co-1.staging.jobs__r1_2`
  ) AS _etl_s
  WHERE NOT EXISTS (SELECT 1 FROM `co-1.staging.jobs__r1_3` AS _etl_later WHERE _etl_later.`id` = _etl_s.`id`)
  QUALIFY ROW_NUMBER() OVER (PARTITION BY _etl_s.`id`) = 1
) AS _etl_s
ON _etl_t.`id` = _etl_s.`id`
WHEN MATCHED AND IF(NOT _etl_s.`_etl_deleted` AND NOT _etl_s.`_etl_present_only` AND (
  _etl_t.`_etl_operation` = 'DELETE'
  OR TO_JSON_STRING(_etl_t.`address`) IS DISTINCT FROM TO_JSON_STRING(_etl_s.`address`)
  OR TO_JSON_STRING(_etl_t.`custom`) IS DISTINCT FROM TO_JSON_STRING(_etl_s.`custom`)
  OR TO_JSON_STRING(IFNULL(_etl_t.`tags`, [])) IS DISTINCT FROM TO_JSON_STRING(IFNULL(_etl_s.`tags`, []))
  OR TO_JSON_STRING(IFNULL(_etl_t.`items`, [])) IS DISTINCT FROM TO_JSON_STRING(IFNULL(_etl_s.`items`, []))
), IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) AND IF(_etl_t.`_etl_synced` > @began AND _etl_t.`_etl_synced` NOT IN UNNEST(@own_times) AND _etl_t.`_etl_synced` < TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR), ERROR('etl: another run has written this row'), TRUE), FALSE) THEN
  UPDATE SET
    `address` = _etl_s.`address`,
    `custom` = _etl_s.`custom`,
    `tags` = _etl_s.`tags`,
    `items` = _etl_s.`items`,
    `_etl_operation` = 'UPDATE',
    `_etl_synced` = @synced
WHEN NOT MATCHED BY TARGET AND NOT _etl_s.`_etl_present_only` AND IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) THEN
  INSERT (`id`, `address`, `custom`, `tags`, `items`, `_etl_operation`, `_etl_synced`)
  VALUES (_etl_s.`id`, _etl_s.`address`, _etl_s.`custom`, _etl_s.`tags`, _etl_s.`items`, IF(_etl_s.`_etl_deleted`, 'DELETE', 'INSERT'), @synced)
