#include "perf/micro/openssl.h"

#include <dlfcn.h>

#include <bit>

namespace ferry::perf {

// As in OpenSSL's evp.h, with its types as void: a header of OpenSSL cannot stand beside
// BoringSSL's.
struct OpenSsl {
    using Init = int(void* context, const void* cipher, void* engine, const std::uint8_t* key,
                     const std::uint8_t* nonce);
    using Update = int(void* context, std::uint8_t* to, int* to_bytes, const std::uint8_t* from,
                       int from_bytes);
    using Final = int(void* context, std::uint8_t* to, int* to_bytes);

    const void* (*aes_128_gcm)();
    const void* (*chacha20_poly1305)();
    void* (*context_new)();
    void (*context_free)(void* context);
    int (*control)(void* context, int command, int number, void* data);
    Init* encrypt_init;
    Update* encrypt_update;
    Final* encrypt_final;
    Init* decrypt_init;
    Update* decrypt_update;
    Final* decrypt_final;
};

namespace {

constexpr int kGetTag = 0x10;  // EVP_CTRL_AEAD_GET_TAG
constexpr int kSetTag = 0x11;  // EVP_CTRL_AEAD_SET_TAG
constexpr int kTagBytes = 16;

template <class Function>
bool find(void* library, const char* name, Function*& function) {
    function = std::bit_cast<Function*>(dlsym(library, name));
    return function != nullptr;
}

// BoringSSL is in this program too and has functions of the same names: OpenSSL must call its own.
const OpenSsl* loaded() {
    void* library = dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
    if (library == nullptr) {
        return nullptr;
    }
    static OpenSsl found;
    const bool complete = find(library, "EVP_aes_128_gcm", found.aes_128_gcm) &&
                          find(library, "EVP_chacha20_poly1305", found.chacha20_poly1305) &&
                          find(library, "EVP_CIPHER_CTX_new", found.context_new) &&
                          find(library, "EVP_CIPHER_CTX_free", found.context_free) &&
                          find(library, "EVP_CIPHER_CTX_ctrl", found.control) &&
                          find(library, "EVP_EncryptInit_ex", found.encrypt_init) &&
                          find(library, "EVP_EncryptUpdate", found.encrypt_update) &&
                          find(library, "EVP_EncryptFinal_ex", found.encrypt_final) &&
                          find(library, "EVP_DecryptInit_ex", found.decrypt_init) &&
                          find(library, "EVP_DecryptUpdate", found.decrypt_update) &&
                          find(library, "EVP_DecryptFinal_ex", found.decrypt_final);
    return complete ? &found : nullptr;
}

}  // namespace

const OpenSsl* openssl() {
    static const OpenSsl* const kLibrary = loaded();
    return kLibrary;
}

OpenSslSealer::OpenSslSealer(const OpenSsl& library, Cipher cipher, ByteView key)
    : library_(library), sealing_(library.context_new()), opening_(library.context_new()) {
    const void* kind =
        cipher == Cipher::aes128_gcm ? library.aes_128_gcm() : library.chacha20_poly1305();
    library.encrypt_init(sealing_, kind, nullptr, key.data(), nullptr);
    library.decrypt_init(opening_, kind, nullptr, key.data(), nullptr);
}

OpenSslSealer::~OpenSslSealer() {
    library_.context_free(sealing_);
    library_.context_free(opening_);
}

void OpenSslSealer::seal(const std::uint8_t* nonce, ByteView from, std::uint8_t* to,
                         std::uint8_t* tag) const {
    int bytes = 0;
    library_.encrypt_init(sealing_, nullptr, nullptr, nullptr, nonce);
    library_.encrypt_update(sealing_, to, &bytes, from.data(), static_cast<int>(from.size()));
    library_.encrypt_final(sealing_, to + bytes, &bytes);
    library_.control(sealing_, kGetTag, kTagBytes, tag);
}

bool OpenSslSealer::open(const std::uint8_t* nonce, ByteView from, std::uint8_t* to,
                         std::uint8_t* tag) const {
    int bytes = 0;
    library_.decrypt_init(opening_, nullptr, nullptr, nullptr, nonce);
    library_.decrypt_update(opening_, to, &bytes, from.data(), static_cast<int>(from.size()));
    library_.control(opening_, kSetTag, kTagBytes, tag);
    return library_.decrypt_final(opening_, to + bytes, &bytes) > 0;
}

}  // namespace ferry::perf
