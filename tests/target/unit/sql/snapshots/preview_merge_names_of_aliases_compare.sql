SELECT
  COUNTIF(_etl_s.`_etl_in_run` AND NOT _etl_s.`_etl_present_only`) AS staged,
  COUNTIF(_etl_t.`_etl_in_table` AND _etl_t.`_etl_operation` IS DISTINCT FROM 'DELETE') AS live,
  COUNTIF(_etl_t.`_etl_in_table` AND _etl_t.`_etl_operation` IS DISTINCT FROM 'DELETE' AND _etl_s.`_etl_in_run` IS NULL) AS missing,
  COUNTIF(_etl_t.`_etl_operation` = 'DELETE' AND NOT _etl_s.`_etl_deleted` AND NOT _etl_s.`_etl_present_only`) AS restored,
  COUNTIF(_etl_t.`_etl_in_table` AND _etl_t.`_etl_operation` IS DISTINCT FROM 'DELETE' AND _etl_s.`_etl_deleted` AND NOT _etl_s.`_etl_present_only`) AS marked,
  COUNTIF(_etl_t.`_etl_in_table` IS NULL AND _etl_s.`_etl_deleted` AND NOT _etl_s.`_etl_present_only`) AS born_deleted,
  COUNTIF(_etl_t.`_etl_in_table` AND (_etl_t.`_etl_operation` IS NULL OR _etl_t.`_etl_synced` IS NULL)) AS unlabelled,
  COUNTIF(_etl_s.`_etl_in_run` AND NOT _etl_s.`_etl_present_only` AND (
    _etl_t.`_etl_in_table` IS NULL OR _etl_s.`_etl_deleted` AND _etl_t.`_etl_operation` IS DISTINCT FROM 'DELETE' OR NOT _etl_s.`_etl_deleted` AND (
      _etl_t.`_etl_operation` = 'DELETE'
      OR _etl_t.`h` IS DISTINCT FROM _etl_s.`h`
      OR TO_JSON_STRING(_etl_t.`c`) IS DISTINCT FROM TO_JSON_STRING(_etl_s.`c`)
      OR TO_JSON_STRING(_etl_t.`later`) IS DISTINCT FROM TO_JSON_STRING(_etl_s.`later`)
      OR _etl_t.`live` IS DISTINCT FROM _etl_s.`live`
      OR _etl_t.`staged` IS DISTINCT FROM _etl_s.`staged`
      OR TO_JSON_STRING(IFNULL(_etl_t.`item_1`, [])) IS DISTINCT FROM TO_JSON_STRING(IFNULL(_etl_s.`item_1`, []))
      OR _etl_t.`position_1` IS DISTINCT FROM _etl_s.`position_1`
    )
  )) AS differ
FROM (SELECT `t`, `s`, `h`, `c`, `later`, `live`, `staged`, `item_1`, `position_1`, `_etl_operation`, `_etl_synced`, TRUE AS `_etl_in_table`
  FROM `co-1.bronze.jobs` AS _etl_t) AS _etl_t
FULL JOIN (
  SELECT *, TRUE AS `_etl_in_run` FROM (
    SELECT
      _etl_s.* EXCEPT (`_etl_sequence`) REPLACE (
        PARSE_JSON(_etl_s.`later`, wide_number_mode => 'round') AS `later`,
        ARRAY(SELECT IF(_etl_item_1 IS NULL, NULL, STRUCT(PARSE_JSON(_etl_item_1.`item_1`, wide_number_mode => 'round') AS `item_1`)) FROM UNNEST(_etl_s.`item_1`) AS _etl_item_1 WITH OFFSET AS _etl_position_1 ORDER BY _etl_position_1) AS `item_1`
      ),
      FALSE AS `_etl_present_only`
    FROM `co-1.staging.jobs__r1_3` AS _etl_s
    WHERE TRUE
    QUALIFY ROW_NUMBER() OVER (PARTITION BY _etl_s.`t`, _etl_s.`s` ORDER BY _etl_s.`_etl_sequence` DESC) = 1
    UNION ALL
    SELECT
      _etl_s.`t` AS `t`,
      _etl_s.`s` AS `s`,
      CAST(NULL AS STRING) AS `h`,
      CAST(NULL AS STRUCT<`street` STRING, `unit` INT64>) AS `c`,
      CAST(NULL AS JSON) AS `later`,
      CAST(NULL AS STRING) AS `live`,
      CAST(NULL AS STRING) AS `staged`,
      CAST(NULL AS ARRAY<STRUCT<`item_1` JSON>>) AS `item_1`,
      CAST(NULL AS INT64) AS `position_1`,
      FALSE AS `_etl_deleted`,
      TRUE AS `_etl_present_only`
    FROM (
      SELECT `t`, `s` FROM `co-1.staging.jobs__r1_1`
      UNION ALL
      SELECT `t`, `s` FROM `co-1.staging.jobs__r1_2`
    ) AS _etl_s
    WHERE NOT EXISTS (SELECT 1 FROM `co-1.staging.jobs__r1_3` AS _etl_later WHERE _etl_later.`t` = _etl_s.`t` AND _etl_later.`s` = _etl_s.`s`)
    QUALIFY ROW_NUMBER() OVER (PARTITION BY _etl_s.`t`, _etl_s.`s`) = 1
  )
) AS _etl_s
ON _etl_t.`t` = _etl_s.`t` AND _etl_t.`s` = _etl_s.`s`
