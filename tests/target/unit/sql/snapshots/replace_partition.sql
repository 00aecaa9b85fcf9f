BEGIN TRANSACTION;
DELETE FROM `co-1.bronze.jobs` AS t WHERE IF(TRUE, IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE) AND IF(t.`_etl_synced` > @began AND t.`_etl_synced` NOT IN UNNEST(@own_times) AND t.`_etl_synced` < TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR), ERROR('etl: another run has written this row'), TRUE), FALSE) AND (t.`_PARTITIONTIME` IS NULL OR t.`_PARTITIONTIME` IS NOT NULL);
INSERT INTO `co-1.bronze.jobs` (`id`, `address`, `custom`, `tags`, `items`, `_etl_operation`, `_etl_synced`)
SELECT `id`, `address`, `custom`, `tags`, `items`, IF(s.`_etl_deleted`, 'DELETE', 'INSERT'), @synced
FROM (
  SELECT
    s.`id` AS `id`,
    s.`address` AS `address`,
    PARSE_JSON(s.`custom`, wide_number_mode => 'round') AS `custom`,
    s.`tags` AS `tags`,
    ARRAY(SELECT IF(item_1 IS NULL, NULL, STRUCT(item_1.`price` AS `price`, PARSE_JSON(item_1.`extra`, wide_number_mode => 'round') AS `extra`, ARRAY(SELECT IF(item_2 IS NULL, NULL, STRUCT(PARSE_JSON(item_2.`note`, wide_number_mode => 'round') AS `note`)) FROM UNNEST(item_1.`parts`) AS item_2 WITH OFFSET AS position_2 ORDER BY position_2) AS `parts`)) FROM UNNEST(s.`items`) AS item_1 WITH OFFSET AS position_1 ORDER BY position_1) AS `items`,
    s.`_etl_deleted`
  FROM `co-1.staging.jobs__r1_3` AS s
) AS s
WHERE IF(CURRENT_TIMESTAMP() >= @lease_until, ERROR('etl: the lease of this run has ended'), TRUE);
COMMIT TRANSACTION;
