SELECT
  COUNTIF(s.`_etl_in_run`) AS staged,
  COUNTIF(t.`_etl_in_table` AND t.`_etl_operation` IS DISTINCT FROM 'DELETE') AS live,
  COUNTIF(t.`_etl_in_table` AND t.`_etl_operation` IS DISTINCT FROM 'DELETE' AND s.`_etl_in_run` IS NULL) AS missing,
  COUNTIF(t.`_etl_operation` = 'DELETE' AND NOT s.`_etl_deleted`) AS restored,
  COUNTIF(t.`_etl_in_table` AND t.`_etl_operation` IS DISTINCT FROM 'DELETE' AND s.`_etl_deleted`) AS marked,
  COUNTIF(t.`_etl_in_table` IS NULL AND s.`_etl_deleted`) AS born_deleted,
  COUNTIF(t.`_etl_in_table` AND (t.`_etl_operation` IS NULL OR t.`_etl_synced` IS NULL)) AS unlabelled,
  COUNTIF(s.`_etl_in_run` AND (
    t.`_etl_in_table` IS NULL OR s.`_etl_deleted` AND t.`_etl_operation` IS DISTINCT FROM 'DELETE' OR NOT s.`_etl_deleted` AND (
      t.`_etl_operation` = 'DELETE'
      OR t.`name` IS DISTINCT FROM s.`name`
      OR t.`active` IS DISTINCT FROM s.`active`
      OR t.`price` IS DISTINCT FROM s.`price`
      OR t.`rate` IS DISTINCT FROM s.`rate`
      OR t.`distance` IS DISTINCT FROM s.`distance`
      OR t.`modified_on` IS DISTINCT FROM s.`modified_on`
      OR t.`day` IS DISTINCT FROM s.`day`
      OR t.`end` IS DISTINCT FROM s.`end`
    )
  )) AS differ
FROM (SELECT `id`, `name`, `active`, `price`, `rate`, `distance`, `modified_on`, `day`, `end`, `_etl_operation`, `_etl_synced`, TRUE AS `_etl_in_table`
  FROM `co-1.bronze.jobs` AS t) AS t
FULL JOIN (
  SELECT *, TRUE AS `_etl_in_run` FROM (
    SELECT
      s.`id` AS `id`,
      s.`name` AS `name`,
      s.`active` AS `active`,
      s.`price` AS `price`,
      s.`rate` AS `rate`,
      s.`distance` AS `distance`,
      s.`modified_on` AS `modified_on`,
      s.`day` AS `day`,
      s.`end` AS `end`,
      s.`_etl_deleted`
    FROM `co-1.staging.jobs__r1_3` AS s
    WHERE TRUE
    QUALIFY ROW_NUMBER() OVER (PARTITION BY s.`id` ORDER BY s.`_etl_sequence` DESC) = 1
  )
) AS s
ON t.`id` = s.`id`
