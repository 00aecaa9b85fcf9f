MERGE `co-1.bronze.jobs` AS t
USING (
  SELECT
    s.`id` AS `id`,
    s.`address` AS `address`,
    PARSE_JSON(s.`custom`, wide_number_mode => 'round') AS `custom`,
    s.`tags` AS `tags`,
    ARRAY(SELECT IF(item_1 IS NULL, NULL, STRUCT(item_1.`price` AS `price`, PARSE_JSON(item_1.`extra`, wide_number_mode => 'round') AS `extra`, ARRAY(SELECT IF(item_2 IS NULL, NULL, STRUCT(PARSE_JSON(item_2.`note`, wide_number_mode => 'round') AS `note`)) FROM UNNEST(item_1.`parts`) AS item_2 WITH OFFSET AS position_2 ORDER BY position_2) AS `parts`)) FROM UNNEST(s.`items`) AS item_1 WITH OFFSET AS position_1 ORDER BY position_1) AS `items`,
    s.`_etl_deleted`
  FROM `co-1.staging.jobs__r1_3` AS s
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY s.`id` ORDER BY s.`_etl_sequence` DESC) = 1
) AS s
ON t.`id` = s.`id`
WHEN MATCHED AND IF(s.`_etl_deleted` AND t.`_etl_operation` IS DISTINCT FROM 'DELETE', IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) AND IF(t.`_etl_synced` > @began AND t.`_etl_synced` NOT IN UNNEST(@own_times) AND t.`_etl_synced` < TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR), ERROR('etl: another run has written this row'), TRUE), FALSE) THEN
  UPDATE SET `_etl_operation` = 'DELETE', `_etl_synced` = @synced
WHEN MATCHED AND IF(NOT s.`_etl_deleted` AND (
  t.`_etl_operation` = 'DELETE'
  OR TO_JSON_STRING(t.`address`) IS DISTINCT FROM TO_JSON_STRING(s.`address`)
  OR TO_JSON_STRING(t.`custom`) IS DISTINCT FROM TO_JSON_STRING(s.`custom`)
  OR TO_JSON_STRING(IFNULL(t.`tags`, [])) IS DISTINCT FROM TO_JSON_STRING(IFNULL(s.`tags`, []))
  OR TO_JSON_STRING(IFNULL(t.`items`, [])) IS DISTINCT FROM TO_JSON_STRING(IFNULL(s.`items`, []))
), IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) AND IF(t.`_etl_synced` > @began AND t.`_etl_synced` NOT IN UNNEST(@own_times) AND t.`_etl_synced` < TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR), ERROR('etl: another run has written this row'), TRUE), FALSE) THEN
  UPDATE SET
    `address` = s.`address`,
    `custom` = s.`custom`,
    `tags` = s.`tags`,
    `items` = s.`items`,
    `_etl_operation` = 'UPDATE',
    `_etl_synced` = @synced
WHEN NOT MATCHED BY TARGET AND IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) THEN
  INSERT (`id`, `address`, `custom`, `tags`, `items`, `_etl_operation`, `_etl_synced`)
  VALUES (s.`id`, s.`address`, s.`custom`, s.`tags`, s.`items`, IF(s.`_etl_deleted`, 'DELETE', 'INSERT'), @synced)
