using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Org.BouncyCastle.Crypto.Digests;

namespace V2V.Storage.Volumes.Luks;

/// <summary>
/// Argon2i and Argon2id of version 1.3 (RFC 9106). Its lanes are filled in parallel; its memory lies outside the managed heap and is zeroed
/// before it is given back.
/// </summary>
internal sealed unsafe class Argon2
{
    private const int BlockBytes = 1024;
    private const int BlockWords = BlockBytes / 8;
    private const int Slices = 4;
    private const int TypeIndependent = 1;
    private const int TypeMixed = 2;
    private const int Version = 0x13;

    private readonly int _type;
    private readonly int _passes;
    private readonly int _lanes;
    private readonly long _blocks;
    private readonly long _laneLength;
    private readonly long _segmentLength;
    private ulong* _memory;

    private Argon2(bool isMixed, int passes, int memoryKiB, int lanes)
    {
        _type = isMixed ? TypeMixed : TypeIndependent;
        _passes = passes;
        _lanes = lanes;
        _segmentLength = Math.Max(2, memoryKiB / (Slices * lanes));
        _laneLength = _segmentLength * Slices;
        _blocks = _laneLength * lanes;
    }

    /// <summary>Derives a key.</summary>
    /// <param name="isMixed">True for Argon2id, false for Argon2i.</param>
    /// <param name="password">The password.</param>
    /// <param name="salt">The salt.</param>
    /// <param name="passes">Passes over the memory; at least 1.</param>
    /// <param name="memoryKiB">Memory in KiB.</param>
    /// <param name="lanes">Lanes; at least 1.</param>
    /// <param name="key">Takes the key.</param>
    /// <exception cref="OutOfMemoryException">There is not so much memory.</exception>
    internal static void Derive(bool isMixed, ReadOnlySpan<byte> password, ReadOnlySpan<byte> salt, int passes, int memoryKiB, int lanes, Span<byte> key)
    {
        var argon = new Argon2(isMixed, passes, memoryKiB, lanes);
        argon._memory = (ulong*)NativeMemory.AlignedAlloc((nuint)(argon._blocks * BlockBytes), 64);
        try
        {
            argon.Seed(password, salt, memoryKiB, key.Length);
            for (int step = 0; step < passes * Slices; step++)
            {
                (int pass, int slice) = Math.DivRem(step, Slices);
                Parallel.For(0, lanes, lane => argon.FillSegment(pass, slice, lane));
            }

            argon.Finish(key);
        }
        finally
        {
            NativeMemory.Clear(argon._memory, (nuint)(argon._blocks * BlockBytes));
            NativeMemory.AlignedFree(argon._memory);
        }
    }

    /// <summary>The first two blocks of each lane (section 3.2, steps 1 to 4).</summary>
    private void Seed(ReadOnlySpan<byte> password, ReadOnlySpan<byte> salt, int memoryKiB, int keyLength)
    {
        var digest = new Blake2bDigest(512);
        foreach (int value in (ReadOnlySpan<int>)[_lanes, keyLength, memoryKiB, _passes, Version, _type, password.Length])
        {
            Update(digest, value);
        }

        digest.BlockUpdate(password);
        Update(digest, salt.Length);
        digest.BlockUpdate(salt);

        // Neither a secret nor associated data.
        Update(digest, 0);
        Update(digest, 0);
        Span<byte> first = stackalloc byte[64 + 8];
        digest.DoFinal(first);
        Span<byte> block = stackalloc byte[BlockBytes];
        for (int lane = 0; lane < _lanes; lane++)
        {
            for (int i = 0; i < 2; i++)
            {
                BinaryPrimitives.WriteInt32LittleEndian(first[64..], i);
                BinaryPrimitives.WriteInt32LittleEndian(first[68..], lane);
                Hash(first, block);
                ulong* words = Block((lane * _laneLength) + i);
                for (int w = 0; w < BlockWords; w++)
                {
                    words[w] = BinaryPrimitives.ReadUInt64LittleEndian(block[(w * 8)..]);
                }
            }
        }

        CryptographicOperations.ZeroMemory(first);
        CryptographicOperations.ZeroMemory(block);
    }

    /// <summary>One lane's part of a slice (section 3.4 for which block is mixed in).</summary>
    private void FillSegment(int pass, int slice, int lane)
    {
        ulong* addresses = stackalloc ulong[BlockWords], input = stackalloc ulong[BlockWords], zero = stackalloc ulong[BlockWords];
        bool isIndependent = _type == TypeIndependent || (pass == 0 && slice < Slices / 2);
        new Span<ulong>(input, BlockWords).Clear();
        new Span<ulong>(zero, BlockWords).Clear();
        (input[0], input[1], input[2], input[3], input[4], input[5]) = ((ulong)pass, (ulong)lane, (ulong)slice, (ulong)_blocks, (ulong)_passes, (ulong)_type);
        for (long i = 0; i < _segmentLength; i++)
        {
            if (isIndependent && i % BlockWords == 0)
            {
                input[6]++;
                Argon2Block.Fill(zero, input, addresses, mixesIn: false);
                Argon2Block.Fill(zero, addresses, addresses, mixesIn: false);
            }

            if (pass == 0 && slice == 0 && i < 2)
            {
                continue;
            }

            long position = (slice * _segmentLength) + i, at = (lane * _laneLength) + position;
            ulong* previous = Block(position == 0 ? at + _laneLength - 1 : at - 1);
            ulong random = isIndependent ? addresses[i % BlockWords] : previous[0];
            Argon2Block.Fill(previous, Block(Reference(random, pass, slice, lane, i)), Block(at), mixesIn: pass > 0);
        }

        new Span<ulong>(addresses, BlockWords).Clear();
    }

    private long Reference(ulong random, int pass, int slice, int lane, long index)
    {
        long other = pass == 0 && slice == 0 ? lane : (long)((random >> 32) % (ulong)_lanes);
        long whole = pass == 0 ? slice * _segmentLength : _laneLength - _segmentLength;
        long area = other == lane ? whole + index - 1 : whole - (index == 0 ? 1 : 0);
        ulong low = (uint)random;
        long back = (long)(((ulong)area * ((low * low) >> 32)) >> 32);
        long start = pass == 0 ? 0 : (slice + 1) * _segmentLength;
        return (other * _laneLength) + ((start + area - 1 - back) % _laneLength);
    }

    private void Finish(Span<byte> key)
    {
        Span<byte> block = stackalloc byte[BlockBytes];
        for (int w = 0; w < BlockWords; w++)
        {
            ulong word = 0;
            for (int lane = 0; lane < _lanes; lane++)
            {
                word ^= Block(((lane + 1) * _laneLength) - 1)[w];
            }

            BinaryPrimitives.WriteUInt64LittleEndian(block[(w * 8)..], word);
        }

        Hash(block, key);
        CryptographicOperations.ZeroMemory(block);
    }

    private ulong* Block(long number) => _memory + (number * BlockWords);

    /// <summary>The hash of any length (section 3.3).</summary>
    private static void Hash(ReadOnlySpan<byte> data, Span<byte> output)
    {
        Span<byte> part = stackalloc byte[64];
        int size = Math.Min(64, output.Length);
        var digest = new Blake2bDigest(size * 8);
        Update(digest, output.Length);
        digest.BlockUpdate(data);
        digest.DoFinal(part);
        while (output.Length > 64)
        {
            part[..32].CopyTo(output);
            output = output[32..];
            digest = new Blake2bDigest(Math.Min(64, output.Length) * 8);
            digest.BlockUpdate(part);
            digest.DoFinal(part);
        }

        part[..output.Length].CopyTo(output);
        CryptographicOperations.ZeroMemory(part);
    }

    private static void Update(Blake2bDigest digest, int value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        digest.BlockUpdate(bytes);
    }
}
