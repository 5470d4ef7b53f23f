// The S-box of AES as a circuit of AND and XOR, over any type of word.
//
// A word holds one bit of many bytes; eight words hold all of them. No table is looked up and
// nothing branches, so the time does not depend on the bytes.
//
// The S-box is an inversion in GF(2^8) and an affine map. Inverting is cheap in a tower of
// quadratic extensions, each with a normal basis:
//
//     GF(4)   = GF(2)  with W, W^2 = W + 1          basis {W, W^2}
//     GF(16)  = GF(4)  with Z, Z^2 = Z + W          basis {Z, Z^4}
//     GF(256) = GF(16) with Y, Y^2 = Y + W^2 Z      basis {Y, Y^16}
//
// where W = 0xbc, Z = 0x5c and Y = 0xfe in the field of AES. Of the 128 towers of this shape it is
// one whose changes of basis take the fewest gates. The circuit is compared with the definition of
// the S-box for all 256 bytes, in both directions, when aes.cc is compiled.
#pragma once

namespace ferry::crypto::portable {

// An element of GF(4): w of W, w2 of W^2. The element 1 is {1, 1}.
template <class Word>
struct Gf4 {
    Word w;
    Word w2;
};

// An element of GF(16): z of Z, z4 of Z^4.
template <class Word>
struct Gf16 {
    Gf4<Word> z;
    Gf4<Word> z4;
};

template <class Word>
constexpr Gf4<Word> operator^(Gf4<Word> a, Gf4<Word> b) {
    return {a.w ^ b.w, a.w2 ^ b.w2};
}

template <class Word>
constexpr Gf16<Word> operator^(Gf16<Word> a, Gf16<Word> b) {
    return {a.z ^ b.z, a.z4 ^ b.z4};
}

// W W = W^2, W^2 W^2 = W and W W^2 = 1 = W + W^2, so with e = (a.w + a.w2)(b.w + b.w2) the product
// is (a.w b.w + e) W + (a.w2 b.w2 + e) W^2.
template <class Word>
constexpr Gf4<Word> operator*(Gf4<Word> a, Gf4<Word> b) {
    const Word e = (a.w ^ a.w2) & (b.w ^ b.w2);
    return {(a.w & b.w) ^ e, (a.w2 & b.w2) ^ e};
}

template <class Word>
constexpr Gf4<Word> square(Gf4<Word> a) {
    return {a.w2, a.w};
}

template <class Word>
constexpr Gf4<Word> times_w(Gf4<Word> a) {
    return {a.w2, a.w ^ a.w2};
}

// As in GF(4), with Z Z^4 = W.
template <class Word>
constexpr Gf16<Word> operator*(Gf16<Word> a, Gf16<Word> b) {
    const Gf4<Word> e = times_w((a.z ^ a.z4) * (b.z ^ b.z4));
    return {(a.z * b.z) ^ e, (a.z4 * b.z4) ^ e};
}

// 1/a is the conjugate of a over the norm a a^4, which lies in GF(4), where 1/n = n^2. The norm of
// u Z + v Z^4 is u v + W (u + v)^2.
template <class Word>
constexpr Gf16<Word> inverse(Gf16<Word> a) {
    const Gf4<Word> norm = (a.z * a.z4) ^ times_w(square(a.z ^ a.z4));
    const Gf4<Word> over_norm = square(norm);
    return {over_norm * a.z4, over_norm * a.z};
}

// W^2 Z a^2, the one constant of the upper step; squaring is linear, so this is four rows of XOR.
template <class Word>
constexpr Gf16<Word> square_times_constant(Gf16<Word> a) {
    const Word z_sum = a.z.w ^ a.z.w2;
    return {{z_sum, a.z.w2}, {a.z.w2 ^ a.z4.w2, a.z.w ^ a.z4.w}};
}

// Inverts in GF(256), in the basis of the tower: coordinates 0 to 3 are the part of Y, each pair
// lower element first. As in GF(16), the norm of u Y + v Y^16 is u v + W^2 Z (u + v)^2. Zero stays
// zero.
template <class Word>
constexpr void invert_in_tower(Word (&c)[8]) {
    const Gf16<Word> y = {{c[0], c[1]}, {c[2], c[3]}};
    const Gf16<Word> y16 = {{c[4], c[5]}, {c[6], c[7]}};
    const Gf16<Word> over_norm = inverse((y * y16) ^ square_times_constant(y ^ y16));
    const Gf16<Word> inverse_y = over_norm * y16;
    const Gf16<Word> inverse_y16 = over_norm * y;
    c[0] = inverse_y.z.w;
    c[1] = inverse_y.z.w2;
    c[2] = inverse_y.z4.w;
    c[3] = inverse_y.z4.w2;
    c[4] = inverse_y16.z.w;
    c[5] = inverse_y16.z.w2;
    c[6] = inverse_y16.z4.w;
    c[7] = inverse_y16.z4.w2;
}

// Replaces each byte by its S-box value: into the tower, inverted, and back with the affine map in
// one step. bits[i] holds the bits of weight 2^i.
template <class Word>
constexpr void substitute(Word (&bits)[8]) {
    const auto [b0, b1, b2, b3, b4, b5, b6, b7] = bits;
    const Word b06 = b0 ^ b6;
    const Word b056 = b5 ^ b06;
    const Word b0567 = b7 ^ b056;
    const Word b13 = b1 ^ b3;
    Word tower[8] = {b1 ^ b056, b0567,          b1 ^ b2 ^ b0567,    b4 ^ b056,
                     b056,      b2 ^ b06 ^ b13, b0 ^ b4 ^ b7 ^ b13, b0};

    invert_in_tower(tower);

    const auto [c0, c1, c2, c3, c4, c5, c6, c7] = tower;
    const Word c06 = c0 ^ c6;
    const Word c13 = c1 ^ c3;
    const Word c026 = c2 ^ c06;
    const Word c35 = c3 ^ c5;
    bits[0] = ~(c4 ^ c13);
    bits[1] = ~(c0 ^ c1 ^ c4);
    bits[2] = c7 ^ c06 ^ c35;
    bits[3] = c13 ^ c026;
    bits[4] = c026;
    bits[5] = ~c35;
    bits[6] = ~(c2 ^ c6);
    bits[7] = c06;
}

// The inverse of substitute(): back through the affine map into the tower, inverted, and out of it.
template <class Word>
constexpr void substitute_back(Word (&bits)[8]) {
    const Word b0 = ~bits[0];
    const Word b1 = ~bits[1];
    const Word b2 = bits[2];
    const Word b3 = bits[3];
    const Word b4 = bits[4];
    const Word b5 = ~bits[5];
    const Word b6 = ~bits[6];
    const Word b7 = bits[7];
    const Word b01 = b0 ^ b1;
    const Word b46 = b4 ^ b6;
    const Word b0146 = b01 ^ b46;
    Word tower[8] = {b46,          b3 ^ b6 ^ b01, b4 ^ b7,  b0146,
                     b0 ^ b3 ^ b4, b5 ^ b0146,    b7 ^ b46, b2 ^ b5 ^ b7};

    invert_in_tower(tower);

    const auto [c0, c1, c2, c3, c4, c5, c6, c7] = tower;
    const Word c04 = c0 ^ c4;
    const Word c36 = c3 ^ c6;
    const Word c014 = c1 ^ c04;
    const Word c2356 = c2 ^ c5 ^ c36;
    bits[0] = c7;
    bits[1] = c04;
    bits[2] = c2 ^ c014;
    bits[3] = c7 ^ c36 ^ c014;
    bits[4] = c3 ^ c4;
    bits[5] = c0 ^ c7 ^ c2356;
    bits[6] = c04 ^ c2356;
    bits[7] = c1 ^ c4;
}

}  // namespace ferry::crypto::portable
