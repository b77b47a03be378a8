package sqlstore

// Query names one statement.
type Query int

// Text gives a query's SQL, with parameters $1, $2, … in any order.
func (q Query) Text() string { return texts[q] }

// Queries is how many queries there are; their numbers are 0 to Queries-1.
const Queries = int(lastQuery)

const (
	lookUpID Query = iota
	lookUpMessage
	lookUpTombstone
	lookUpNumber
	lookUpCard
	lookUpDetail
	lookUpHolder
	lookUpCounter
	lookUpStock
	lookUpShelf
	lookUpVoucher
	lookUpHash
	lookUpBatch
	lookUpFloat
	lookUpItem
	lookUpPruned

	insertMessage
	insertID
	amendMessage
	amendRelayed
	insertTombstone
	insertCard
	updateCard
	insertNumber
	deleteNumber
	insertDetail
	updateDetail
	insertHolder
	deleteHolders
	putCounter
	insertVoucher
	updateVoucher
	insertHash
	putBatch
	putFloat
	insertItem
	moveItem
	putTrouble
	deleteItem
	deleteTrouble
	insertEntry
	putRow
	deleteRow
	deleteEntries
	deleteMessage
	insertPruned
	bringForward
	deletePruned
	deleteID
	deleteTombstone
	putForgotten
	lastPlace
	takePlaces

	reportRows
	reportRowByName
	reportOpen
	reportOpenSums
	reportWorking
	reportMessages
	reportTrails
	reportEntries
	reportEntriesOf
	reportCards
	reportDetails
	reportNumbers
	reportVouchers
	reportVouchersOf
	reportVouchersApart
	reportBatches
	reportFloats
	reportItemsWaiting
	reportItemsWaitingAny
	reportItemsApart
	reportItemsApartAny
	reportLevels
	reportPruned
	reportBrought
	reportForgotten

	lastQuery
)

// What a row holds, for questions of a driver's own: what the Scan functions read.
const (
	MessageColumns = `seq, world, id, account, family, role, state, reason, at, request, ended, card, target, product, names, amount, unnamed, unconfirmed, currency, trail, body, voucher, prepaid, provider_ref, upstream`
	CardColumns    = `id, world, status, frozen, has_pin, expiry, valid_through, currency, product, book, available, last_message, activation, void, successor, loads, wrong_pins, import`
	DetailColumns  = `card, sealed_pan, masked, seeded_clear, seeded_encrypted, pin_clear, pin_encrypted, profile_id, msisdn, email_address, seeded_profile_id, seeded_msisdn, seeded_email_address`
	EntryColumns   = `message, n, request, debit, credit, amount, currency, phase`
	VoucherColumns = `id, world, batch, status, last_message, serial, sealed_pin`
	BatchColumns   = `number, world, product, name, expiry, closed, in_stock`
	FloatColumns   = `account, world, currency, book, available, last_message`
	ItemColumns    = `seq, upstream, state, world, account, family, role, id, request, request_id, at, amount, currency, body`
	ItemQuery      = `SELECT item.` + ItemColumns + `, attempts, tried, why FROM item LEFT JOIN item_trouble USING (seq) WHERE `
	PrunedColumns  = `seq, hash, world, day, data`
	broughtColumns = `period, debit, credit, currency, world, amount, upto`
	rowColumns     = `kind, number, world, name, content`
)

var texts = [Queries]string{
	lookUpID:        `SELECT seq FROM message_id WHERE hash = $1 ORDER BY seq`,
	lookUpMessage:   `SELECT ` + MessageColumns + ` FROM message WHERE seq = $1`,
	lookUpTombstone: `SELECT world, id, account FROM tombstone WHERE reversal = $1`,
	lookUpNumber:    `SELECT ` + CardColumns + ` FROM card WHERE id = (SELECT card FROM card_number WHERE digest = $1)`,
	lookUpCard:      `SELECT ` + CardColumns + ` FROM card WHERE id = $1`,
	lookUpDetail:    `SELECT ` + DetailColumns + ` FROM card_detail WHERE card = $1`,
	lookUpHolder:    `SELECT card FROM card_holder WHERE digest = $1 ORDER BY card LIMIT $2`,
	lookUpCounter:   `SELECT count, amount FROM counter WHERE per_account = $1 AND owner = $2 AND family = $3 AND "window" = $4 AND start = $5`,

	lookUpStock: `SELECT ` + BatchColumns + ` FROM voucher_batch WHERE product = $1 AND closed = 0 AND in_stock > 0 ` +
		`AND (expiry, number) > ($2, $3) ORDER BY expiry, number`,
	lookUpShelf:   `SELECT ` + VoucherColumns + ` FROM voucher WHERE batch = $1 AND status = 1 AND id > $2 ORDER BY id`,
	lookUpVoucher: `SELECT ` + VoucherColumns + ` FROM voucher WHERE id = $1`,
	lookUpHash:    `SELECT voucher FROM voucher_hash WHERE hash = $1 ORDER BY voucher`,
	lookUpBatch:   `SELECT ` + BatchColumns + ` FROM voucher_batch WHERE number = $1`,
	lookUpItem:    ItemQuery + `item.seq = $1`,
	lookUpPruned:  `SELECT ` + PrunedColumns + ` FROM pruned WHERE seq = $1`,
	lookUpFloat:   `SELECT ` + FloatColumns + ` FROM float WHERE account = $1`,

	insertMessage: `INSERT INTO message (` + MessageColumns + `, room) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26)`,
	insertID:      `INSERT INTO message_id (hash, seq) VALUES ($1, $2) ON CONFLICT DO NOTHING`,
	amendMessage:  `UPDATE message SET state = $1, ended = $2, unconfirmed = $3, reason = $5, provider_ref = $6 WHERE seq = $4`,
	amendRelayed: `UPDATE message SET state = $1, ended = $2, unconfirmed = $3, reason = $5, provider_ref = $6, upstream = $7, amount = $8, unnamed = $9, ` +
		`currency = $10, room = NULL WHERE seq = $4`,
	insertTombstone: `INSERT INTO tombstone (reversal, world, id, account) VALUES ($1, $2, $3, $4)`,
	insertCard:      `INSERT INTO card (` + CardColumns + `, room) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)`,
	updateCard:      `UPDATE card SET world = $2, status = $3, frozen = $4, has_pin = $5, expiry = $6, valid_through = $7, currency = $8, product = $9, book = $10, available = $11, last_message = $12, activation = $13, void = $14, successor = $15, loads = $16, wrong_pins = $17, import = $18, room = NULL WHERE id = $1`,
	insertNumber:    `INSERT INTO card_number (digest, card) VALUES ($1, $2)`,
	deleteNumber:    `DELETE FROM card_number WHERE digest = $1 AND card = $2`,
	insertDetail:    `INSERT INTO card_detail (` + DetailColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
	updateDetail:    `UPDATE card_detail SET sealed_pan = $2, masked = $3, seeded_clear = $4, seeded_encrypted = $5, pin_clear = $6, pin_encrypted = $7, profile_id = $8, msisdn = $9, email_address = $10, seeded_profile_id = $11, seeded_msisdn = $12, seeded_email_address = $13 WHERE card = $1`,
	insertHolder:    `INSERT INTO card_holder (digest, card) VALUES ($1, $2) ON CONFLICT DO NOTHING`,
	deleteHolders: `DELETE FROM card_holder WHERE card = $1 AND digest IN (` +
		`SELECT profile_id FROM card_detail WHERE card = $1 UNION ALL SELECT msisdn FROM card_detail WHERE card = $1 ` +
		`UNION ALL SELECT email_address FROM card_detail WHERE card = $1) ` +
		`AND digest IS DISTINCT FROM $2 AND digest IS DISTINCT FROM $3 AND digest IS DISTINCT FROM $4`,
	putCounter: `INSERT INTO counter (per_account, owner, family, "window", start, count, amount) VALUES ($1, $2, $3, $4, $5, $6, $7) ` +
		`ON CONFLICT (per_account, owner, family, "window", start) DO UPDATE SET count = excluded.count, amount = excluded.amount`,
	insertVoucher: `INSERT INTO voucher (` + VoucherColumns + `, room) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
	updateVoucher: `UPDATE voucher SET status = $2, last_message = $3, room = NULL WHERE id = $1`,
	insertHash:    `INSERT INTO voucher_hash (hash, voucher) VALUES ($1, $2) ON CONFLICT DO NOTHING`,
	putBatch: `INSERT INTO voucher_batch (` + BatchColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7) ` +
		`ON CONFLICT (number) DO UPDATE SET name = excluded.name, expiry = excluded.expiry, closed = excluded.closed, in_stock = excluded.in_stock`,
	putFloat: `INSERT INTO float (` + FloatColumns + `) VALUES ($1, $2, $3, $4, $5, $6) ` +
		`ON CONFLICT (account) DO UPDATE SET book = excluded.book, available = excluded.available, last_message = excluded.last_message`,
	insertItem: `INSERT INTO item (` + ItemColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
	moveItem:   `UPDATE item SET state = $2 WHERE seq = $1 AND state <> $2`,
	putTrouble: `INSERT INTO item_trouble (seq, attempts, tried, why) VALUES ($1, $2, $3, $4) ` +
		`ON CONFLICT (seq) DO UPDATE SET attempts = excluded.attempts, tried = excluded.tried, why = excluded.why`,
	deleteItem:    `DELETE FROM item WHERE seq = $1`,
	deleteTrouble: `DELETE FROM item_trouble WHERE seq = $1`,
	insertEntry:   `INSERT INTO entry (` + EntryColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
	putRow: `INSERT INTO admin_row (` + rowColumns + `) VALUES ($1, $2, $3, $4, $5) ` +
		`ON CONFLICT (kind, number) DO UPDATE SET world = excluded.world, name = excluded.name, content = excluded.content`,
	deleteRow:     `DELETE FROM admin_row WHERE kind = $1 AND number = $2`,
	deleteEntries: `DELETE FROM entry WHERE message = $1`,
	deleteMessage: `DELETE FROM message WHERE seq = $1`,
	insertPruned:  `INSERT INTO pruned (` + PrunedColumns + `) VALUES ($1, $2, $3, $4, $5)`,
	bringForward: `INSERT INTO brought (` + broughtColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (period, debit, credit, currency, world) ` +
		`DO UPDATE SET amount = brought.amount + excluded.amount, upto = CASE WHEN brought.upto > excluded.upto THEN brought.upto ELSE excluded.upto END`,
	deletePruned:    `DELETE FROM pruned WHERE seq = $1`,
	deleteID:        `DELETE FROM message_id WHERE hash = $1 AND seq = $2`,
	deleteTombstone: `DELETE FROM tombstone WHERE reversal = $1`,
	putForgotten:    `INSERT INTO forgotten ("only", upto) VALUES (1, $1) ON CONFLICT ("only") DO UPDATE SET upto = excluded.upto WHERE forgotten.upto < excluded.upto`,
	lastPlace:       `SELECT last FROM place WHERE only = 1`,
	takePlaces:      `UPDATE place SET last = $1 WHERE only = 1`,

	reportRows:      `SELECT ` + rowColumns + ` FROM admin_row WHERE kind = $1 AND number > $2 ORDER BY number LIMIT $3`,
	reportRowByName: `SELECT ` + rowColumns + ` FROM admin_row WHERE kind = $1 AND world = $2 AND name = $3 AND name <> ''`,
	reportOpen:      `SELECT ` + MessageColumns + ` FROM message WHERE state = 1 AND role = 1 AND seq > $1 ORDER BY seq LIMIT $2`,
	reportOpenSums: `SELECT seq, account, currency, amount, at FROM message WHERE state = 1 AND role = 1 AND seq > 0 ` +
		`AND world = $1 AND at <= $2 AND ($3 = 0 OR account = $3) ORDER BY seq`,
	reportWorking:  `SELECT ` + MessageColumns + ` FROM message WHERE state IN (7, 8) AND role = 1 AND seq > $1 ORDER BY seq LIMIT $2`,
	reportMessages: `SELECT ` + MessageColumns + ` FROM message WHERE seq > $1 ORDER BY seq LIMIT $2`,
	reportTrails:   `SELECT seq, trail FROM message WHERE seq > $1 ORDER BY seq`,
	reportEntries: `SELECT ` + EntryColumns + ` FROM entry WHERE message > $1 AND message <= ` +
		`coalesce((SELECT message FROM entry WHERE message > $1 ORDER BY message, n LIMIT 1 OFFSET $2), 9223372036854775807) ORDER BY message, n`,
	reportEntriesOf: `SELECT ` + EntryColumns + ` FROM entry WHERE message = $1 ORDER BY n`,
	reportCards:     `SELECT ` + CardColumns + ` FROM card WHERE id > $1 ORDER BY id LIMIT $2`,
	reportDetails:   `SELECT ` + DetailColumns + ` FROM card_detail WHERE card > $1 ORDER BY card LIMIT $2`,
	reportNumbers:   `SELECT card FROM card_number WHERE digest >= $1 AND digest <= $2 ORDER BY digest LIMIT 1`,

	reportVouchers:      `SELECT ` + VoucherColumns + ` FROM voucher WHERE id > $1 ORDER BY id LIMIT $2`,
	reportVouchersOf:    `SELECT ` + VoucherColumns + ` FROM voucher WHERE batch = $1 AND batch >= 0 AND status = $2 AND id > $3 ORDER BY id LIMIT $4`,
	reportVouchersApart: `SELECT ` + VoucherColumns + ` FROM voucher WHERE batch = $1 AND status = $2 AND status > 2 AND id > $3 ORDER BY id LIMIT $4`,
	reportBatches:       `SELECT ` + BatchColumns + ` FROM voucher_batch WHERE number > $1 ORDER BY number LIMIT $2`,
	reportFloats:        `SELECT ` + FloatColumns + ` FROM float WHERE account > $1 ORDER BY account LIMIT $2`,

	reportItemsWaiting:    ItemQuery + `upstream = $1 AND state = 2 AND seq > $2 ORDER BY seq`,
	reportItemsWaitingAny: ItemQuery + `state = 2 AND seq > $2 ORDER BY seq`,
	reportItemsApart:      ItemQuery + `upstream = $1 AND state = $3 AND state > 2 AND seq > $2 ORDER BY seq`,
	reportItemsApartAny:   ItemQuery + `state = $3 AND state > 2 AND seq > $2 ORDER BY seq`,
	reportPruned:          `SELECT ` + PrunedColumns + ` FROM pruned WHERE seq > $1 ORDER BY seq LIMIT $2`,
	reportBrought: `SELECT ` + broughtColumns + ` FROM brought WHERE (period, debit, credit, currency, world) > ($1, $2, $3, $4, $5) ` +
		`ORDER BY period, debit, credit, currency, world LIMIT $6`,
	reportForgotten: `SELECT upto FROM forgotten WHERE "only" = 1`,
	reportLevels:    `SELECT upstream, account, state, currency, amount, at FROM item`,
}
