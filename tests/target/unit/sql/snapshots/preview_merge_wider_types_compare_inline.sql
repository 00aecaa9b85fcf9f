SELECT
  COUNTIF(_etl_s.`_etl_in_run`) AS staged,
  COUNTIF(_etl_t.`_etl_in_table` AND _etl_t.`_etl_operation` IS DISTINCT FROM 'DELETE') AS live,
  COUNTIF(_etl_t.`_etl_in_table` AND _etl_t.`_etl_operation` IS DISTINCT FROM 'DELETE' AND _etl_s.`_etl_in_run` IS NULL) AS missing,
  COUNTIF(_etl_t.`_etl_operation` = 'DELETE' AND NOT _etl_s.`_etl_deleted`) AS restored,
  COUNTIF(_etl_t.`_etl_in_table` AND _etl_t.`_etl_operation` IS DISTINCT FROM 'DELETE' AND _etl_s.`_etl_deleted`) AS marked,
  COUNTIF(_etl_t.`_etl_in_table` IS NULL AND _etl_s.`_etl_deleted`) AS born_deleted,
  COUNTIF(_etl_t.`_etl_in_table` AND (_etl_t.`_etl_operation` IS NULL OR _etl_t.`_etl_synced` IS NULL)) AS unlabelled,
  COUNTIF(_etl_s.`_etl_in_run` AND (
    _etl_t.`_etl_in_table` IS NULL OR _etl_s.`_etl_deleted` AND _etl_t.`_etl_operation` IS DISTINCT FROM 'DELETE' OR NOT _etl_s.`_etl_deleted` AND (
      _etl_t.`_etl_operation` = 'DELETE'
      OR _etl_t.`amount` IS DISTINCT FROM _etl_s.`amount`
      OR _etl_t.`rate` IS DISTINCT FROM _etl_s.`rate`
      OR TO_JSON_STRING(IFNULL(_etl_t.`counts`, [])) IS DISTINCT FROM TO_JSON_STRING(IFNULL(_etl_s.`counts`, []))
      OR TO_JSON_STRING(_etl_t.`address`) IS DISTINCT FROM TO_JSON_STRING(_etl_s.`address`)
    )
  )) AS differ
FROM (SELECT `id`, `amount`, `rate`, `counts`, `address`, `_etl_operation`, `_etl_synced`, TRUE AS `_etl_in_table`
  FROM `co-1.bronze.jobs` AS _etl_t) AS _etl_t
FULL JOIN (
  SELECT *, TRUE AS `_etl_in_run` FROM (
    SELECT
      _etl_s.* EXCEPT (`_etl_sequence`) REPLACE (
        CAST(_etl_s.`id` AS NUMERIC) AS `id`,
        CAST(_etl_s.`amount` AS FLOAT64) AS `amount`,
        CAST(_etl_s.`rate` AS BIGNUMERIC) AS `rate`,
        ARRAY(SELECT CAST(_etl_item_1 AS NUMERIC) FROM UNNEST(_etl_s.`counts`) AS _etl_item_1 WITH OFFSET AS _etl_position_1 ORDER BY _etl_position_1) AS `counts`,
        IF(_etl_s.`address` IS NULL, NULL, STRUCT(_etl_s.`address`.`street` AS `street`, CAST(_etl_s.`address`.`unit` AS FLOAT64) AS `unit`)) AS `address`
      )
    FROM (
      SELECT
        CAST(JSON_VALUE(_etl_r, '$[0]') AS INT64) AS `id`,
        CAST(JSON_VALUE(_etl_r, '$[1]') AS INT64) AS `amount`,
        CAST(JSON_VALUE(_etl_r, '$[2]') AS NUMERIC) AS `rate`,
        ARRAY(SELECT CAST(JSON_VALUE(_etl_item_1, '$') AS INT64) FROM UNNEST(JSON_QUERY_ARRAY(_etl_r, '$[3]')) AS _etl_item_1 WITH OFFSET AS _etl_position_1 ORDER BY _etl_position_1) AS `counts`,
        IF(JSON_VALUE(_etl_r, '$[4][0]') IS NULL, NULL, STRUCT(JSON_VALUE(_etl_r, '$[4][1]') AS `street`, CAST(JSON_VALUE(_etl_r, '$[4][2]') AS INT64) AS `unit`)) AS `address`,
        IFNULL(JSON_VALUE(_etl_r, '$[5]') = '1', FALSE) AS `_etl_deleted`,
        _etl_position AS `_etl_sequence`
      FROM UNNEST(JSON_QUERY_ARRAY(PARSE_JSON(@rows))) AS _etl_r WITH OFFSET AS _etl_position
    ) AS _etl_s
    WHERE TRUE
    QUALIFY ROW_NUMBER() OVER (PARTITION BY _etl_s.`id` ORDER BY _etl_s.`_etl_sequence` DESC) = 1
  )
) AS _etl_s
ON _etl_t.`id` = _etl_s.`id`
