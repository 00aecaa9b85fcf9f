ALTER TABLE `co-1.bronze.jobs`
  DROP COLUMN `custom`,
  DROP COLUMN `address`
