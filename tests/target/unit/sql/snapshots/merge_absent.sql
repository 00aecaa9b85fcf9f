MERGE `co-1.bronze.jobs` AS _etl_t
USING (
  SELECT
    _etl_s.`id` AS `id`,
    FIRST_VALUE(IF(SUBSTR(_etl_s.`_etl_absent`, 2, 1) = '1', NULL, STRUCT(IF(_etl_s.`address` IS NULL, NULL, STRUCT(_etl_s.`address`.`unit` AS `unit`, _etl_s.`address`.`street` AS `street`, ARRAY<STRING>[] AS `lines`)) AS value)) IGNORE NULLS) OVER _etl_latest AS `address`,
    FIRST_VALUE(IF(SUBSTR(_etl_s.`_etl_absent`, 3, 1) = '1', NULL, STRUCT(PARSE_JSON(_etl_s.`custom`, wide_number_mode => 'round') AS value)) IGNORE NULLS) OVER _etl_latest AS `custom`,
    FIRST_VALUE(IF(SUBSTR(_etl_s.`_etl_absent`, 4, 1) = '1', NULL, STRUCT(_etl_s.`tags` AS value)) IGNORE NULLS) OVER _etl_latest AS `tags`,
    FIRST_VALUE(IF(SUBSTR(_etl_s.`_etl_absent`, 5, 1) = '1', NULL, STRUCT(ARRAY(SELECT IF(_etl_item_1 IS NULL, NULL, STRUCT(_etl_item_1.`price` AS `price`, PARSE_JSON(_etl_item_1.`extra`, wide_number_mode => 'round') AS `extra`, ARRAY(SELECT IF(_etl_item_2 IS NULL, NULL, STRUCT(PARSE_JSON(_etl_item_2.`note`, wide_number_mode => 'round') AS `note`)) FROM UNNEST(_etl_item_1.`parts`) AS _etl_item_2 WITH OFFSET AS _etl_position_2 ORDER BY _etl_position_2) AS `parts`)) FROM UNNEST(_etl_s.`items`) AS _etl_item_1 WITH OFFSET AS _etl_position_1 ORDER BY _etl_position_1) AS value)) IGNORE NULLS) OVER _etl_latest AS `items`,
    _etl_s.`_etl_deleted`,
    FALSE AS `_etl_present_only`
  FROM `co-1.staging.jobs__r1_3` AS _etl_s
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY _etl_s.`id` ORDER BY _etl_s.`_etl_sequence` DESC) = 1
  WINDOW _etl_latest AS (PARTITION BY _etl_s.`id` ORDER BY _etl_s.`_etl_sequence` DESC ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)
  UNION ALL
  SELECT
    _etl_s.`id` AS `id`,
    CAST(NULL AS STRUCT<value STRUCT<`unit` INT64, `street` STRING, `lines` ARRAY<STRING>>>) AS `address`,
    CAST(NULL AS STRUCT<value JSON>) AS `custom`,
    CAST(NULL AS STRUCT<value ARRAY<STRING>>) AS `tags`,
    CAST(NULL AS STRUCT<value ARRAY<STRUCT<`price` NUMERIC, `extra` JSON, `parts` ARRAY<STRUCT<`note` JSON>>>>>) AS `items`,
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
WHEN MATCHED AND IF(_etl_s.`_etl_deleted` AND NOT _etl_s.`_etl_present_only` AND _etl_t.`_etl_operation` IS DISTINCT FROM 'DELETE', IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) AND IF(_etl_t.`_etl_synced` > @began AND _etl_t.`_etl_synced` NOT IN UNNEST(@own_times) AND _etl_t.`_etl_synced` < TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR), ERROR('etl: another run has written this row'), TRUE), FALSE) THEN
  UPDATE SET `_etl_operation` = 'DELETE', `_etl_synced` = @synced
WHEN MATCHED AND IF(NOT _etl_s.`_etl_deleted` AND NOT _etl_s.`_etl_present_only` AND (
  _etl_t.`_etl_operation` = 'DELETE'
  OR _etl_s.`address` IS NOT NULL AND TO_JSON_STRING(IF(_etl_t.`address` IS NULL, NULL, STRUCT(_etl_t.`address`.`unit` AS `unit`, _etl_t.`address`.`street` AS `street`))) IS DISTINCT FROM TO_JSON_STRING(IF(_etl_s.`address`.value IS NULL, NULL, STRUCT(_etl_s.`address`.value.`unit` AS `unit`, _etl_s.`address`.value.`street` AS `street`)))
  OR _etl_s.`custom` IS NOT NULL AND TO_JSON_STRING(_etl_t.`custom`) IS DISTINCT FROM TO_JSON_STRING(_etl_s.`custom`.value)
  OR _etl_s.`tags` IS NOT NULL AND TO_JSON_STRING(IFNULL(_etl_t.`tags`, [])) IS DISTINCT FROM TO_JSON_STRING(IFNULL(_etl_s.`tags`.value, []))
  OR _etl_s.`items` IS NOT NULL AND TO_JSON_STRING(IFNULL(_etl_t.`items`, [])) IS DISTINCT FROM TO_JSON_STRING(IFNULL(_etl_s.`items`.value, []))
), IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) AND IF(_etl_t.`_etl_synced` > @began AND _etl_t.`_etl_synced` NOT IN UNNEST(@own_times) AND _etl_t.`_etl_synced` < TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR), ERROR('etl: another run has written this row'), TRUE), FALSE) THEN
  UPDATE SET
    `address` = IF(_etl_s.`address` IS NULL, _etl_t.`address`, IF(_etl_s.`address`.value IS NULL, NULL, STRUCT(_etl_s.`address`.value.`unit` AS `unit`, _etl_s.`address`.value.`street` AS `street`, _etl_t.`address`.`lines` AS `lines`))),
    `custom` = IF(_etl_s.`custom` IS NULL, _etl_t.`custom`, _etl_s.`custom`.value),
    `tags` = IF(_etl_s.`tags` IS NULL, _etl_t.`tags`, _etl_s.`tags`.value),
    `items` = IF(_etl_s.`items` IS NULL, _etl_t.`items`, _etl_s.`items`.value),
    `_etl_operation` = 'UPDATE',
    `_etl_synced` = @synced
WHEN NOT MATCHED BY TARGET AND NOT _etl_s.`_etl_present_only` AND IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) THEN
  INSERT (`id`, `address`, `custom`, `tags`, `items`, `_etl_operation`, `_etl_synced`)
  VALUES (_etl_s.`id`, _etl_s.`address`.value, _etl_s.`custom`.value, _etl_s.`tags`.value, _etl_s.`items`.value, IF(_etl_s.`_etl_deleted`, 'DELETE', 'INSERT'), @synced)
