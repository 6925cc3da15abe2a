using Matrix.Host.Parts;

namespace Matrix.Host.Crypto;

/// <summary>The cost of one password hash, and the bounds on concurrent computations.</summary>
public sealed record PasswordHashCost
{
    /// <summary>The least memory of one computation, in bytes.</summary>
    public const long LeastMemory = 8 << 10;

    /// <summary>The most memory of one computation, in bytes. A stored hash beyond it is not computed.</summary>
    public const long MostMemory = 4L << 30;

    /// <summary>The most passes over the memory. A stored hash beyond it is not computed.</summary>
    public const int MostOperations = 1000;

    [Setting("passwords.memory", "Memory of one computation.", Least = LeastMemory, Most = MostMemory)]
    public long MemoryBytes { get; init; } = 64L << 20;

    [Setting("passwords.operations", "Passes over that memory.", Least = 1, Most = MostOperations)]
    public int Operations { get; init; } = 2;

    [Setting("passwords.concurrency", "Computations at once.", Least = 1, Most = 256)]
    public int Concurrency { get; init; } = 2;

    [Setting("passwords.waiting", "The most computations that wait; more logins get an error and may retry.")]
    public int Waiting { get; init; } = 200;

    [Setting(
        "passwords.of_user",
        "The most of them that requests of one user cause at once, those that wait included.",
        Least = 1)]
    public int OfUser { get; init; } = 4;

    [Setting(
        "passwords.of_address",
        "The same of one address. Behind a proxy without listeners.trust_forwarded_for all clients have one "
            + "address.",
        Least = 1)]
    public int OfAddress { get; init; } = 100;

    internal int Kibibytes => (int)(MemoryBytes / 1024);
}
