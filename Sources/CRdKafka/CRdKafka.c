#include "CRdKafka.h"

#if __has_include(<librdkafka/rdkafka.h>)
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#else
#error "silt needs the headers of librdkafka: run 'apt-get install librdkafka-dev' (or 'make deps') and build again"
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct silt_kafka {
    rd_kafka_t *handle;
    rd_kafka_queue_t *queue;
    rd_kafka_event_t *waiting;         // a fetch event whose message did not fit, or of another partition
    rd_kafka_event_t *held;            // what came after messages of another partition
    const rd_kafka_message_t *message; // of `waiting`
    size_t wanted;
    int is_subscribed;
    int is_assigned;
    long failed;
    char failure[256];
};

static int fail(char *error, int size, const char *text) {
    if (size > 0) snprintf(error, (size_t)size, "%s", text);
    return -1;
}

static void quiet(const rd_kafka_t *handle, int level, const char *facility, const char *text) {
    (void)handle, (void)level, (void)facility, (void)text;
}

static void delivered(rd_kafka_t *handle, const rd_kafka_message_t *message, void *opaque) {
    (void)handle;
    silt_kafka *kafka = opaque;
    if (!message->err) return;
    kafka->failed++;
    snprintf(kafka->failure, sizeof kafka->failure, "%s", rd_kafka_err2str(message->err));
}

static rd_kafka_conf_t *configure(const char *text, char *error, int error_size) {
    char *copy = strdup(text);
    rd_kafka_conf_t *settings = rd_kafka_conf_new();
    char *name = copy;
    while (copy && *name) {
        char *value = strchr(name, 1);
        char *end = value ? strchr(value + 1, 1) : NULL;
        if (!end) break;
        *value = *end = 0;
        if (rd_kafka_conf_set(settings, name, value + 1, error, (size_t)error_size) !=
            RD_KAFKA_CONF_OK) {
            rd_kafka_conf_destroy(settings);
            settings = NULL;
            break;
        }
        name = end + 1;
    }
    free(copy);
    return settings;
}

silt_kafka *silt_kafka_new(int is_producer, const char *text, char *error, int error_size) {
    silt_kafka *kafka = calloc(1, sizeof *kafka);
    rd_kafka_conf_t *settings = configure(text, error, error_size);
    if (!kafka || !settings) {
        if (settings) rd_kafka_conf_destroy(settings);
        free(kafka);
        return NULL;
    }
    rd_kafka_conf_set_opaque(settings, kafka);
    rd_kafka_conf_set_log_cb(settings, quiet);
    if (is_producer)
        rd_kafka_conf_set_dr_msg_cb(settings, delivered);
    else
        rd_kafka_conf_set_events(settings, RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_FETCH |
                                               RD_KAFKA_EVENT_OFFSET_COMMIT | RD_KAFKA_EVENT_ERROR);
    kafka->handle = rd_kafka_new(is_producer ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER, settings,
                                 error, (size_t)error_size);
    if (!kafka->handle) {
        rd_kafka_conf_destroy(settings);
        free(kafka);
        return NULL;
    }
    if (!is_producer) {
        rd_kafka_poll_set_consumer(kafka->handle);
        kafka->queue = rd_kafka_queue_get_consumer(kafka->handle);
    }
    return kafka;
}

void silt_kafka_free(silt_kafka *kafka) {
    if (!kafka) return;
    if (kafka->waiting) rd_kafka_event_destroy(kafka->waiting);
    if (kafka->held) rd_kafka_event_destroy(kafka->held);
    if (kafka->queue) {
        // The rebalance on leaving the group is not waited for by anybody.
        if (kafka->is_subscribed) {
            rd_kafka_queue_t *ending = rd_kafka_queue_new(kafka->handle);
            rd_kafka_error_t *problem = rd_kafka_consumer_close_queue(kafka->handle, ending);
            if (problem) rd_kafka_error_destroy(problem);
            for (int i = 0; i < 100 && !rd_kafka_consumer_closed(kafka->handle); i++) {
                rd_kafka_event_t *event = rd_kafka_queue_poll(ending, 100);
                if (!event) continue;
                if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE)
                    rd_kafka_assign(kafka->handle, NULL);
                rd_kafka_event_destroy(event);
            }
            rd_kafka_queue_destroy(ending);
        }
        rd_kafka_queue_destroy(kafka->queue);
    }
    if (kafka->handle) rd_kafka_destroy_flags(kafka->handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    free(kafka);
}

int silt_kafka_partition_count(silt_kafka *kafka, const char *topic, int timeout, char *error,
                               int error_size) {
    rd_kafka_topic_t *handle = rd_kafka_topic_new(kafka->handle, topic, NULL);
    if (!handle) return fail(error, error_size, "no such topic");
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code = rd_kafka_metadata(kafka->handle, 0, handle, &metadata, timeout);
    int count = -1;
    if (code) {
        fail(error, error_size, rd_kafka_err2str(code));
    } else if (metadata->topic_cnt < 1) {
        fail(error, error_size, "no such topic");
    } else if (metadata->topics[0].err) {
        fail(error, error_size, rd_kafka_err2str(metadata->topics[0].err));
    } else {
        count = metadata->topics[0].partition_cnt;
    }
    if (metadata) rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(handle);
    return count;
}

int silt_kafka_subscribe(silt_kafka *kafka, const char *topic, char *error, int error_size) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t code = rd_kafka_subscribe(kafka->handle, list);
    rd_kafka_topic_partition_list_destroy(list);
    kafka->is_subscribed = 1;
    return code ? fail(error, error_size, rd_kafka_err2str(code)) : 0;
}

static int is_cooperative(silt_kafka *kafka) {
    const char *protocol = rd_kafka_rebalance_protocol(kafka->handle);
    return protocol && strcmp(protocol, "COOPERATIVE") == 0;
}

static int finish(rd_kafka_error_t *problem, char *error, int error_size) {
    if (!problem) return 0;
    fail(error, error_size, rd_kafka_error_string(problem));
    rd_kafka_error_destroy(problem);
    return -1;
}

int silt_kafka_begin(silt_kafka *kafka, const char *topic, const int32_t *partitions,
                     const int64_t *offsets, int count, char *error, int error_size) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);
    for (int i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(list, topic, partitions[i])->offset = offsets[i];
    int result = 0;
    // Without a group, and in a cooperative one, partitions come on top of those that are read already.
    if (is_cooperative(kafka) || (!kafka->is_subscribed && kafka->is_assigned)) {
        result = finish(rd_kafka_incremental_assign(kafka->handle, list), error, error_size);
    } else {
        rd_kafka_resp_err_t code = rd_kafka_assign(kafka->handle, list);
        if (code) result = fail(error, error_size, rd_kafka_err2str(code));
    }
    kafka->is_assigned = 1;
    rd_kafka_topic_partition_list_destroy(list);
    return result;
}

int silt_kafka_end(silt_kafka *kafka, const char *topic, const int32_t *partitions, int count,
                   char *error, int error_size) {
    if (!is_cooperative(kafka)) {
        rd_kafka_resp_err_t code = rd_kafka_assign(kafka->handle, NULL);
        return code ? fail(error, error_size, rd_kafka_err2str(code)) : 0;
    }
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);
    for (int i = 0; i < count; i++) rd_kafka_topic_partition_list_add(list, topic, partitions[i]);
    int result = finish(rd_kafka_incremental_unassign(kafka->handle, list), error, error_size);
    rd_kafka_topic_partition_list_destroy(list);
    return result;
}

int silt_kafka_seek(silt_kafka *kafka, const char *topic, int32_t partition, int64_t offset,
                    char *error, int error_size) {
    if (kafka->message && kafka->message->partition == partition) {
        rd_kafka_event_destroy(kafka->waiting);
        kafka->waiting = NULL;
        kafka->message = NULL;
    }
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = offset;
    int result = finish(rd_kafka_seek_partitions(kafka->handle, list, 10000), error, error_size);
    if (!result && list->elems[0].err)
        result = fail(error, error_size, rd_kafka_err2str(list->elems[0].err));
    rd_kafka_topic_partition_list_destroy(list);
    return result;
}

int silt_kafka_pause(silt_kafka *kafka, const char *topic, int32_t partition, int is_paused,
                     char *error, int error_size) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition);
    rd_kafka_resp_err_t code = is_paused ? rd_kafka_pause_partitions(kafka->handle, list)
                                         : rd_kafka_resume_partitions(kafka->handle, list);
    if (!code) code = list->elems[0].err;
    rd_kafka_topic_partition_list_destroy(list);
    return code ? fail(error, error_size, rd_kafka_err2str(code)) : 0;
}

int64_t silt_kafka_offset_for_time(silt_kafka *kafka, const char *topic, int32_t partition,
                                   int64_t time, int timeout, char *error, int error_size) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = time;
    rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(kafka->handle, list, timeout);
    int64_t offset = list->elems[0].offset;
    if (!code) code = list->elems[0].err;
    rd_kafka_topic_partition_list_destroy(list);
    if (!code) return offset;
    fail(error, error_size, rd_kafka_err2str(code));
    return SILT_KAFKA_OFFSET_NONE;
}

int64_t silt_kafka_committed(silt_kafka *kafka, const char *topic, int32_t partition, int timeout,
                             char *error, int error_size) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition);
    rd_kafka_resp_err_t code = rd_kafka_committed(kafka->handle, list, timeout);
    int64_t offset = list->elems[0].offset;
    if (!code) code = list->elems[0].err;
    rd_kafka_topic_partition_list_destroy(list);
    if (!code) return offset;
    fail(error, error_size, rd_kafka_err2str(code));
    return SILT_KAFKA_OFFSET_NONE - 1;
}

int silt_kafka_commit(silt_kafka *kafka, const char *topic, int32_t partition, int64_t offset) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = offset;
    rd_kafka_resp_err_t code = rd_kafka_commit(kafka->handle, list, 1);
    rd_kafka_topic_partition_list_destroy(list);
    return code ? -1 : 0;
}

// Takes the waiting messages of one partition; 1 when a message stays for the next call.
static int take(silt_kafka *kafka, uint8_t *buffer, size_t capacity, silt_kafka_message *messages,
                int32_t *partitions, int limit, int *count, size_t *used) {
    while (kafka->message) {
        const rd_kafka_message_t *message = kafka->message;
        size_t length = message->payload ? message->len : 0;
        if (*count == limit || (*count > 0 && partitions[0] != message->partition)) return 1;
        if (*used + length + 1 > capacity) {
            kafka->wanted = *count > 0 ? 0 : length + 1;
            return 1;
        }
        partitions[0] = message->partition;
        messages[*count].offset = message->offset;
        messages[*count].length = message->payload ? (int64_t)length : -1;
        if (length) memcpy(buffer + *used, message->payload, length);
        *used += length;
        buffer[(*used)++] = '\n';
        (*count)++;
        kafka->message = rd_kafka_event_message_next(kafka->waiting);
    }
    if (kafka->waiting) rd_kafka_event_destroy(kafka->waiting);
    kafka->waiting = NULL;
    return 0;
}

static int rebalance(rd_kafka_event_t *event, int32_t *partitions, int limit, int *count) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(event);
    for (int i = 0; list && i < list->cnt && *count < limit; i++)
        partitions[(*count)++] = list->elems[i].partition;
    return rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS
               ? SILT_KAFKA_ASSIGNED
               : SILT_KAFKA_REVOKED;
}

static int problem(silt_kafka *kafka, rd_kafka_event_t *event, int32_t *partitions, int *count,
                   char *error, int error_size) {
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    if (code == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        rd_kafka_topic_partition_t *place = rd_kafka_event_topic_partition(event);
        partitions[0] = place ? place->partition : -1;
        if (place) rd_kafka_topic_partition_destroy(place);
        *count = 1;
        return SILT_KAFKA_END;
    }
    int is_final = code == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
                   code == RD_KAFKA_RESP_ERR__AUTHENTICATION ||
                   code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
                   code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ||
                   code == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED;
    if (code == RD_KAFKA_RESP_ERR__FATAL) {
        rd_kafka_fatal_error(kafka->handle, error, (size_t)error_size);
        return SILT_KAFKA_ERROR;
    }
    if (!is_final) return SILT_KAFKA_NOTHING; // the library tries again by itself
    fail(error, error_size, rd_kafka_event_error_string(event));
    return SILT_KAFKA_ERROR;
}

int silt_kafka_poll(silt_kafka *kafka, int timeout, uint8_t *buffer, size_t capacity,
                    silt_kafka_message *messages, int32_t *partitions, int limit, int *count,
                    size_t *used, char *error, int error_size) {
    *count = 0;
    *used = 0;
    kafka->wanted = 0;
    if (take(kafka, buffer, capacity, messages, partitions, limit, count, used))
        return *count > 0 ? SILT_KAFKA_MESSAGES : SILT_KAFKA_NOTHING;
    for (;;) {
        rd_kafka_event_t *event = kafka->held;
        kafka->held = NULL;
        if (!event) event = rd_kafka_queue_poll(kafka->queue, *count > 0 ? 0 : timeout);
        if (!event) return *count > 0 ? SILT_KAFKA_MESSAGES : SILT_KAFKA_NOTHING;
        int kind = SILT_KAFKA_NOTHING;
        switch (rd_kafka_event_type(event)) {
        case RD_KAFKA_EVENT_FETCH:
            kafka->waiting = event;
            kafka->message = rd_kafka_event_message_next(event);
            if (take(kafka, buffer, capacity, messages, partitions, limit, count, used))
                return *count > 0 ? SILT_KAFKA_MESSAGES : SILT_KAFKA_NOTHING;
            continue;
        case RD_KAFKA_EVENT_REBALANCE:
            if (*count > 0) {
                kafka->held = event;
                return SILT_KAFKA_MESSAGES;
            }
            kind = rebalance(event, partitions, limit, count);
            break;
        case RD_KAFKA_EVENT_ERROR: {
            int32_t place = 0;
            int places = 0;
            kind = problem(kafka, event, &place, &places, error, error_size);
            if (kind == SILT_KAFKA_END && *count > 0) {
                // Said once only: so it comes with the messages before it, or is kept for the next call.
                if (partitions[0] != place) {
                    kafka->held = event;
                    return SILT_KAFKA_MESSAGES;
                }
                rd_kafka_event_destroy(event);
                return SILT_KAFKA_MESSAGES | SILT_KAFKA_END << 8;
            } else if (kind == SILT_KAFKA_END) {
                partitions[0] = place;
                *count = 1;
            }
            break;
        }
        default: break;
        }
        rd_kafka_event_destroy(event);
        if (kind != SILT_KAFKA_NOTHING) return kind;
        if (*count == 0) return SILT_KAFKA_NOTHING;
    }
}

size_t silt_kafka_wanted(const silt_kafka *kafka) { return kafka->wanted; }

int silt_kafka_produce(silt_kafka *kafka, const char *topic, const uint8_t *key, size_t key_count,
                       const uint8_t *value, size_t value_count, char *error, int error_size) {
    for (;;) {
        rd_kafka_resp_err_t code = rd_kafka_producev(
            kafka->handle, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
            RD_KAFKA_V_KEY(key, key_count), RD_KAFKA_V_VALUE((void *)value, value_count),
            RD_KAFKA_V_END);
        if (!code) break;
        if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            return fail(error, error_size, rd_kafka_err2str(code));
        rd_kafka_poll(kafka->handle, 100);
    }
    rd_kafka_poll(kafka->handle, 0);
    return 0;
}

int silt_kafka_flush(silt_kafka *kafka, int timeout, char *error, int error_size) {
    rd_kafka_resp_err_t code = rd_kafka_flush(kafka->handle, timeout);
    if (code) return fail(error, error_size, rd_kafka_err2str(code));
    if (!kafka->failed) return 0;
    kafka->failed = 0;
    return fail(error, error_size, kafka->failure);
}

int silt_kafka_init_transactions(silt_kafka *kafka, int timeout, char *error, int error_size) {
    return finish(rd_kafka_init_transactions(kafka->handle, timeout), error, error_size);
}

int silt_kafka_begin_transaction(silt_kafka *kafka, char *error, int error_size) {
    return finish(rd_kafka_begin_transaction(kafka->handle), error, error_size);
}

int silt_kafka_commit_transaction(silt_kafka *kafka, const char *group, const char *topic,
                                  int64_t number, int timeout, char *error, int error_size) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, 0)->offset = number;
    rd_kafka_consumer_group_metadata_t *member = rd_kafka_consumer_group_metadata_new(group);
    rd_kafka_error_t *problem =
        rd_kafka_send_offsets_to_transaction(kafka->handle, list, member, timeout);
    rd_kafka_consumer_group_metadata_destroy(member);
    rd_kafka_topic_partition_list_destroy(list);
    if (!problem) problem = rd_kafka_commit_transaction(kafka->handle, timeout);
    if (!problem) return 0;
    if (rd_kafka_error_txn_requires_abort(problem)) {
        rd_kafka_error_t *other = rd_kafka_abort_transaction(kafka->handle, timeout);
        if (other) rd_kafka_error_destroy(other);
    }
    return finish(problem, error, error_size);
}

silt_kafka *silt_kafka_mock_new(int brokers, const char *topic, int partitions, char *bootstrap,
                                int bootstrap_size) {
    char settings[64];
    char error[256];
    snprintf(settings, sizeof settings, "test.mock.num.brokers\001%d\001", brokers);
    silt_kafka *kafka = silt_kafka_new(1, settings, error, sizeof error);
    if (!kafka) return NULL;
    rd_kafka_mock_cluster_t *cluster = rd_kafka_handle_mock_cluster(kafka->handle);
    rd_kafka_mock_topic_create(cluster, topic, partitions, 1);
    snprintf(bootstrap, (size_t)bootstrap_size, "%s", rd_kafka_mock_cluster_bootstraps(cluster));
    return kafka;
}
