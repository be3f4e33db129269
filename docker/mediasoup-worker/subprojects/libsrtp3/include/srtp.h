// libsrtp 3's interface, as far as the worker uses it, over libsrtp 2: version 3 made the policy an opaque
// object, gave source and destination their own buffers, and counts lengths in size_t.
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>
#include <new>

#define srtp_policy_t srtp2_policy_t
#include <srtp2/srtp.h>
#undef srtp_policy_t

// The two errors that version 3 added, by its numbers.
constexpr auto srtp_err_status_buffer_small = static_cast<srtp_err_status_t>(28);
constexpr auto srtp_err_status_cryptex_err  = static_cast<srtp_err_status_t>(29);

struct srtp3_policy
{
	srtp2_policy_t v2;
	uint8_t key[SRTP_MAX_KEY_LEN];
};

using srtp_policy_t = srtp3_policy*;

inline srtp_err_status_t srtp_policy_create(srtp_policy_t* policy)
{
	*policy = new (std::nothrow) srtp3_policy{};
	return *policy ? srtp_err_status_ok : srtp_err_status_alloc_fail;
}

inline void srtp_policy_destroy(srtp_policy_t policy)
{
	if (!policy)
		return;
	volatile uint8_t* key = policy->key; // volatile: the wipe is not optimised away
	for (size_t i = 0; i < sizeof(policy->key); ++i)
		key[i] = 0;
	delete policy;
}

inline srtp_err_status_t srtp_policy_set_ssrc(srtp_policy_t policy, srtp_ssrc_t ssrc)
{
	policy->v2.ssrc = ssrc;
	return srtp_err_status_ok;
}

inline srtp_err_status_t srtp_policy_set_profile(srtp_policy_t policy, srtp_profile_t profile)
{
	const auto err = srtp_crypto_policy_set_from_profile_for_rtp(&policy->v2.rtp, profile);
	return err ? err : srtp_crypto_policy_set_from_profile_for_rtcp(&policy->v2.rtcp, profile);
}

inline srtp_err_status_t srtp_policy_add_key(
  srtp_policy_t policy, const uint8_t* key, size_t keyLen, const uint8_t* salt, size_t saltLen, const uint8_t*, size_t)
{
	if (keyLen > sizeof(policy->key) || saltLen > sizeof(policy->key) - keyLen)
		return srtp_err_status_bad_param;
	std::memcpy(policy->key, key, keyLen);
	std::memcpy(policy->key + keyLen, salt, saltLen);
	policy->v2.key = policy->key;
	return srtp_err_status_ok;
}

inline srtp_err_status_t srtp_policy_set_allow_repeat_tx(srtp_policy_t policy, bool allow)
{
	policy->v2.allow_repeat_tx = allow;
	return srtp_err_status_ok;
}

inline srtp_err_status_t srtp_policy_set_window_size(srtp_policy_t policy, size_t size)
{
	policy->v2.window_size = size;
	return srtp_err_status_ok;
}

// Version 2 copies what it needs out of the policy, so the policy may be destroyed after this.
inline srtp_err_status_t srtp_create(srtp_t* session, srtp_policy_t policy)
{
	return srtp_create(session, static_cast<const srtp2_policy_t*>(&policy->v2));
}

inline srtp_err_status_t srtp_stream_remove(srtp_t session, uint32_t ssrc)
{
	return srtp_remove_stream(session, ssrc);
}

// Runs one of version 2's operations, which work in place, from one buffer into another (or the same one).
// `room` is what the operation may append.
inline srtp_err_status_t srtp3_run(
  srtp_err_status_t (*operation)(srtp_t, void*, int*), srtp_t session, size_t room, const uint8_t* in, size_t inLen,
  uint8_t* out, size_t* outLen)
{
	if (inLen > static_cast<size_t>(std::numeric_limits<int>::max()) - room || inLen + room > *outLen)
		return srtp_err_status_buffer_small;
	if (in != out)
		std::memmove(out, in, inLen);
	int len        = static_cast<int>(inLen);
	const auto err = operation(session, out, &len);
	if (!err)
		*outLen = static_cast<size_t>(len);
	return err;
}

inline srtp_err_status_t srtp_protect(
  srtp_t session, const uint8_t* in, size_t inLen, uint8_t* out, size_t* outLen, size_t)
{
	return srtp3_run(&srtp_protect, session, SRTP_MAX_TRAILER_LEN, in, inLen, out, outLen);
}

inline srtp_err_status_t srtp_protect_rtcp(
  srtp_t session, const uint8_t* in, size_t inLen, uint8_t* out, size_t* outLen, size_t)
{
	return srtp3_run(&srtp_protect_rtcp, session, SRTP_MAX_TRAILER_LEN, in, inLen, out, outLen);
}

inline srtp_err_status_t srtp_unprotect(srtp_t session, const uint8_t* in, size_t inLen, uint8_t* out, size_t* outLen)
{
	return srtp3_run(&srtp_unprotect, session, 0, in, inLen, out, outLen);
}

inline srtp_err_status_t srtp_unprotect_rtcp(
  srtp_t session, const uint8_t* in, size_t inLen, uint8_t* out, size_t* outLen)
{
	return srtp3_run(&srtp_unprotect_rtcp, session, 0, in, inLen, out, outLen);
}
