using System.Diagnostics;
using System.Text.RegularExpressions;
using Matrix.Host.Crypto;

namespace Matrix.Host.Tests.Crypto;

/// <summary>The hashes of passwords that databases contain.</summary>
internal sealed partial class PasswordHashTests
{
    private const string Salt = "6O1O0TOyyhTqT7z+t7wfwg";
    private const string Tag = "Izg2dAdqJ3S3AtFisNoFXDTJVw+6qUVDW0dBQtxCc6s";

    /// <summary>A hash of <c>wonderland</c>, by libsodium 1.0.18 as the following ones.</summary>
    private const string Wonderland = $"$argon2id$v=19$m=8,t=1,p=1${Salt}${Tag}";

    private static readonly PasswordHashCost _cost = new()
    {
        MemoryBytes = 8 << 10,
        Operations = 1,
        Concurrency = 1,
        Waiting = 0,
    };

    private static async Task<bool?> VerifyAsync(string hash, string password)
    {
        using var hasher = new PasswordHasher(_cost);
        return await hasher.VerifyAsync(hash, password, HashRequester.Operator, default);
    }

    [GeneratedRegex(@"^\$argon2id\$v=19\$m=8,t=3,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$")]
    private static partial Regex Form();

    private static IEnumerable<TestCaseData> Hashes()
    {
        yield return new TestCaseData("wonderland", Wonderland);
        yield return new TestCaseData(
            "", "$argon2id$v=19$m=8,t=1,p=1$syH1FmCMh89e9xeZgrddoA$rtSyhtfEPoBEH6rrfvOxiA62GMB1x57DEMcBmD3XXsw");
        yield return new TestCaseData(
            "wonderland",
            "$argon2id$v=19$m=8,t=3,p=1$Ti1NftGYmkHEVWeTUUBs1w$7MUMAEXwv/JKKFd0QJEYa2480ANj2ze2Wva8FsDDOm0");
        yield return new TestCaseData(
            "wonderland",
            "$argon2id$v=19$m=8,t=1000,p=1$IqqnRnTESEj9sPugeTbFuw$Axg/8ro4hHG+sXaJ9ghOF8UQOzGiQUzd6dRlaeXrP4c");
        yield return new TestCaseData(
            "пароль 🔑",
            "$argon2id$v=19$m=1024,t=1,p=1$XfOJI8rcY+6OGwZbC5O5vg$Tocj+15HgmeTfqlGhNU02yQuX0CBveuAmy2GauHTaGo");
        yield return new TestCaseData(
            new string('a', 512),
            "$argon2id$v=19$m=8192,t=2,p=1$9lrSrcHrmjIolQltvGH04Q$ZBYjn+q6ZRNaNsB8e3kC2vq7ZhSPjv0UB3yaOwY6K/Y");
        yield return new TestCaseData(
            "wonderland",
            "$argon2id$v=19$m=65536,t=2,p=1$t6SDoI0eCzSm0AFu91YzlQ$gUMGXFSo9pNxuGYNoxwUASAyamIE8Mhmvx1p9DhTnhE");
    }

    [TestCaseSource(nameof(Hashes))]
    public async Task A_hash_by_libsodium_has_its_password_alone(string password, string hash)
    {
        Assert.That(await VerifyAsync(hash, password), Is.True);
        Assert.That(await VerifyAsync(hash, password + "x"), Is.False);
    }

    [TestCase("")]
    [TestCase("$argon2id$")]
    [TestCase($"$argon2i$v=19$m=8,t=3,p=1${Salt}${Tag}")]
    [TestCase($"$argon2id$v=16$m=8,t=1,p=1${Salt}${Tag}")]
    [TestCase($"$argon2id$m=8,t=1,p=1${Salt}${Tag}")]
    [TestCase($"$argon2id$v=19$m=7,t=1,p=1${Salt}${Tag}")]
    [TestCase($"$argon2id$v=19$m=8,t=0,p=1${Salt}${Tag}")]
    [TestCase($"$argon2id$v=19$m=8,t=1,p=2${Salt}${Tag}")]
    [TestCase($"$argon2id$v=19$m=08,t=1,p=1${Salt}${Tag}")]
    [TestCase($"$argon2id$v=19$m=+8,t=1,p=1${Salt}${Tag}")]
    [TestCase($"$argon2id$v=19$m= 8,t=1,p=1${Salt}${Tag}")]
    [TestCase($"$argon2id$v=19$t=1,m=8,p=1${Salt}${Tag}")]
    [TestCase($"$argon2id$v=19$m=8,t=1,p=1${Salt}==${Tag}=")]
    [TestCase($"$argon2id$v=19$m=8,t=1,p=1${Salt}${Tag}\n")]
    [TestCase($" $argon2id$v=19$m=8,t=1,p=1${Salt}${Tag}")]
    [TestCase($"$argon2id$v=19$m=8,t=1,p=1${Salt}${Tag}$")]
    [TestCase("$argon2id$v=19$m=8,t=1,p=1$6O1O0TOyyhQ$Izg2dAdqJ3S3AtFisNoFXDTJVw+6qUVDW0dBQtxCc6s")]
    [TestCase("$argon2id$v=19$m=8,t=1,p=1$6O1O0TOyyhTqT7z-t7wfwg$Izg2dAdqJ3S3AtFisNoFXDTJVw-6qUVDW0dBQtxCc6s")]
    [TestCase("$argon2id$v=19$m=8,t=1,p=1$6O1O0TOyyhTqT7z+t7wfwh$Izg2dAdqJ3S3AtFisNoFXDTJVw+6qUVDW0dBQtxCc6s")]
    [TestCase("$argon2id$v=19$m=8,t=1,p=1$6O1O0TOyyhTqT7z+t7wfwg$Izg2dAdqJ3S3AtFisNoFXA")]
    public async Task What_has_another_form_has_no_password(string hash)
    {
        using var hasher = new PasswordHasher(_cost);

        Assert.That(await VerifyAsync(hash, "wonderland"), Is.False);
        Assert.That(hasher.IsOutdated(hash), Is.True);
    }

    [TestCase("m=4194305,t=1")]
    [TestCase("m=8,t=1001")]
    [TestCase("m=4294967295,t=1")]
    [TestCase("m=8,t=4294967295")]
    [TestCase("m=99999999999999999999,t=1")]
    public async Task Costs_that_no_setting_allows_are_refused_without_computing(string cost)
    {
        var watch = Stopwatch.StartNew();

        Assert.That(await VerifyAsync($"$argon2id$v=19${cost},p=1${Salt}${Tag}", "wonderland"), Is.False);
        Assert.That(watch.Elapsed, Is.LessThan(TimeSpan.FromSeconds(5)));
    }

    [Test]
    public async Task A_new_hash_has_the_form_that_databases_contain_and_a_salt_of_its_own()
    {
        using var hasher = new PasswordHasher(Cost(9000, 3));

        var first = await hasher.HashAsync("wonderland", HashRequester.Operator, default);
        var second = await hasher.HashAsync("wonderland", HashRequester.Operator, default);

        Assert.That(first, Does.Match(Form()));
        Assert.That(second, Does.Match(Form()).And.Not.EqualTo(first));
        Assert.That(await VerifyAsync(first!, "wonderland"), Is.True);
        Assert.That(await VerifyAsync(first!, "Wonderland"), Is.False);
        Assert.That(hasher.IsOutdated(first!), Is.False);
    }

    [TestCase(8 << 10, 1, ExpectedResult = false)]
    [TestCase(9000, 1, ExpectedResult = false)]
    [TestCase(9 << 10, 1, ExpectedResult = true)]
    [TestCase(8 << 10, 2, ExpectedResult = true)]
    public bool A_hash_at_another_cost_is_outdated(long memory, int operations)
    {
        using var hasher = new PasswordHasher(Cost(memory, operations));
        return hasher.IsOutdated(Wonderland);
    }

    private static PasswordHashCost Cost(long memory, int operations) =>
        new() { MemoryBytes = memory, Operations = operations, Concurrency = 1, Waiting = 0 };
}
