// What Siltstone needs of librdkafka, in terms of plain buffers and numbers.
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef struct silt_kafka silt_kafka;

/// What a poll found.
enum {
    SILT_KAFKA_NOTHING = 0,
    SILT_KAFKA_MESSAGES = 1,
    SILT_KAFKA_ASSIGNED = 2,
    SILT_KAFKA_REVOKED = 3,
    SILT_KAFKA_END = 4,
    SILT_KAFKA_ERROR = 5
};

/// Logical offsets.
enum {
    SILT_KAFKA_OFFSET_BEGINNING = -2,
    SILT_KAFKA_OFFSET_END = -1,
    SILT_KAFKA_OFFSET_COMMITTED = -1000,
    SILT_KAFKA_OFFSET_NONE = -1001
};

/// Where a message stands and how many bytes its value has; -1 for no value (a tombstone).
typedef struct {
    int64_t offset;
    int64_t length;
} silt_kafka_message;

/// A consumer or producer with settings: names and values, each ended by the byte 1.
/// NULL with a text in `error` when one is wrong.
silt_kafka *silt_kafka_new(int is_producer, const char *settings, char *error, int error_size);
void silt_kafka_free(silt_kafka *kafka);

/// The number of partitions of a topic; -1 with a text in `error`.
int silt_kafka_partition_count(silt_kafka *kafka, const char *topic, int timeout, char *error,
                               int error_size);
int silt_kafka_subscribe(silt_kafka *kafka, const char *topic, char *error, int error_size);

/// Begins to read partitions at offsets, besides those that are read already.
int silt_kafka_begin(silt_kafka *kafka, const char *topic, const int32_t *partitions,
                     const int64_t *offsets, int count, char *error, int error_size);
/// Stops reading partitions; must follow each `SILT_KAFKA_REVOKED`.
int silt_kafka_end(silt_kafka *kafka, const char *topic, const int32_t *partitions, int count,
                   char *error, int error_size);
int silt_kafka_seek(silt_kafka *kafka, const char *topic, int32_t partition, int64_t offset,
                    char *error, int error_size);

/// Holds back the messages of a partition that is read, or lets them come again.
int silt_kafka_pause(silt_kafka *kafka, const char *topic, int32_t partition, int is_paused,
                     char *error, int error_size);

/// The first offset at or after a time in milliseconds, or a logical offset; -1001 on failure.
int64_t silt_kafka_offset_for_time(silt_kafka *kafka, const char *topic, int32_t partition,
                                   int64_t time, int timeout, char *error, int error_size);

/// The offset that the group has committed; -1001 when there is none, -1002 on failure.
int64_t silt_kafka_committed(silt_kafka *kafka, const char *topic, int32_t partition, int timeout,
                             char *error, int error_size);

/// Tells the broker how far a partition was read; does not wait.
int silt_kafka_commit(silt_kafka *kafka, const char *topic, int32_t partition, int64_t offset);

/// Waits for what comes next. Messages are of one partition; each value is followed by a newline in `buffer`.
/// For other events `partitions` says which. `count` is the number of messages or partitions.
int silt_kafka_poll(silt_kafka *kafka, int timeout, uint8_t *buffer, size_t capacity,
                    silt_kafka_message *messages, int32_t *partitions, int limit, int *count,
                    size_t *used, char *error, int error_size);

/// How many bytes the next message needs when it did not fit; 0 when it is not known.
size_t silt_kafka_wanted(const silt_kafka *kafka);

/// Hands a message to the producer; 0, or -1 with a text in `error`.
int silt_kafka_produce(silt_kafka *kafka, const char *topic, const uint8_t *key, size_t key_count,
                       const uint8_t *value, size_t value_count, char *error, int error_size);
/// Waits until all messages are stored by the broker; 0, or -1 with a text in `error`.
int silt_kafka_flush(silt_kafka *kafka, int timeout, char *error, int error_size);

/// Ends transactions that an earlier producer of the same id left open; before the first of this one.
int silt_kafka_init_transactions(silt_kafka *kafka, int timeout, char *error, int error_size);
int silt_kafka_begin_transaction(silt_kafka *kafka, char *error, int error_size);
/// Commits the messages since the transaction's beginning, and with them `number` as the offset of partition 0 of
/// `topic` for `group`; what fails is aborted.
int silt_kafka_commit_transaction(silt_kafka *kafka, const char *group, const char *topic,
                                  int64_t number, int timeout, char *error, int error_size);

/// A cluster in memory for tests, listening on 127.0.0.1 as long as it is kept.
silt_kafka *silt_kafka_mock_new(int brokers, const char *topic, int partitions, char *bootstrap,
                                int bootstrap_size);
