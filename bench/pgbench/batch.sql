-- A hundred payments between wallets in one commit.
SELECT bench_batch(:wallets, 100);
