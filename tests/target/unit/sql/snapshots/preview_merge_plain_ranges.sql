SELECT
  COUNTIF(_etl_s.`_etl_in_run`) AS staged,
  COUNTIF(_etl_t.`_etl_in_table` AND _etl_t.`_etl_operation` IS DISTINCT FROM 'DELETE') AS live,
  COUNTIF(_etl_t.`_etl_in_table` AND _etl_t.`_etl_operation` IS DISTINCT FROM 'DELETE' AND _etl_s.`_etl_in_run` IS NULL AND (_etl_t.`modified_on` < @swept_high_0 OR _etl_t.`modified_on` >= @swept_low_1 AND _etl_t.`modified_on` < @swept_high_1) AND _etl_t.`_etl_synced` NOT IN UNNEST(@spared)) AS missing,
  COUNTIF(_etl_t.`_etl_operation` = 'DELETE' AND NOT _etl_s.`_etl_deleted`) AS restored,
  COUNTIF(_etl_t.`_etl_in_table` AND _etl_t.`_etl_operation` IS DISTINCT FROM 'DELETE' AND _etl_s.`_etl_deleted`) AS marked,
  COUNTIF(_etl_t.`_etl_in_table` IS NULL AND _etl_s.`_etl_deleted`) AS born_deleted,
  COUNTIF(_etl_t.`_etl_in_table` AND (_etl_t.`_etl_operation` IS NULL OR _etl_t.`_etl_synced` IS NULL)) AS unlabelled,
  COUNTIF(_etl_s.`_etl_in_run` AND (
    _etl_t.`_etl_in_table` IS NULL OR _etl_s.`_etl_deleted` AND _etl_t.`_etl_operation` IS DISTINCT FROM 'DELETE' OR NOT _etl_s.`_etl_deleted` AND (
      _etl_t.`_etl_operation` = 'DELETE'
      OR _etl_t.`name` IS DISTINCT FROM _etl_s.`name`
      OR _etl_t.`active` IS DISTINCT FROM _etl_s.`active`
      OR _etl_t.`price` IS DISTINCT FROM _etl_s.`price`
      OR _etl_t.`rate` IS DISTINCT FROM _etl_s.`rate`
      OR _etl_t.`distance` IS DISTINCT FROM _etl_s.`distance`
      OR _etl_t.`modified_on` IS DISTINCT FROM _etl_s.`modified_on`
      OR _etl_t.`day` IS DISTINCT FROM _etl_s.`day`
      OR _etl_t.`end` IS DISTINCT FROM _etl_s.`end`
    )
  )) AS differ,
  COUNTIF(_etl_t.`_etl_in_table` AND _etl_t.`_etl_operation` IS DISTINCT FROM 'DELETE' AND (_etl_t.`modified_on` < @swept_high_0 OR _etl_t.`modified_on` >= @swept_low_1 AND _etl_t.`modified_on` < @swept_high_1)) AS in_ranges,
  COUNTIF(_etl_t.`_etl_in_table` AND _etl_t.`_etl_operation` IS DISTINCT FROM 'DELETE' AND TIMESTAMP_TRUNC(_etl_t.`modified_on`, SECOND) != TIMESTAMP_TRUNC(_etl_s.`modified_on`, SECOND)) AS moved
FROM (SELECT `id`, `name`, `active`, `price`, `rate`, `distance`, `modified_on`, `day`, `end`, `_etl_operation`, `_etl_synced`, TRUE AS `_etl_in_table`
  FROM `co-1.bronze.jobs` AS _etl_t) AS _etl_t
FULL JOIN (
  SELECT *, TRUE AS `_etl_in_run` FROM (
    SELECT
      _etl_s.* EXCEPT (`_etl_sequence`)
    FROM `co-1.staging.jobs__r1_3` AS _etl_s
    WHERE TRUE
    QUALIFY ROW_NUMBER() OVER (PARTITION BY _etl_s.`id` ORDER BY _etl_s.`_etl_sequence` DESC) = 1
  )
) AS _etl_s
ON _etl_t.`id` = _etl_s.`id`
