using System.Diagnostics;
using Matrix.Host.Crypto;

namespace Matrix.Host.Tests.Crypto;

/// <summary>Passwords of which Synapse stored the hash. The hashes are by Python's bcrypt 5.0.</summary>
internal sealed class ImportedPasswordTests
{
    private const string Synapse = "$synapse";
    private const string Ten = "0123456789";
    private const string Seventy = Ten + Ten + Ten + Ten + Ten + Ten + Ten;
    private const string Salt = "F7Zlh/eypsCOq.qaqjzWoe";
    private const string Tag = "W5rytDUMVksjpClg4mNjDx5bi77WOji";
    private const string Wonderland = $"$2b$04${Salt}{Tag}";

    private static readonly PasswordHashCost _cost = new()
    {
        MemoryBytes = 8 << 10,
        Operations = 1,
        Concurrency = 1,
        Waiting = 0,
    };

    private static async Task<bool?> VerifyAsync(string hash, string password, string pepper = "")
    {
        using var hasher = new PasswordHasher(_cost, new ImportedPasswordOptions { Pepper = pepper });
        return await hasher.VerifyAsync(Synapse + hash, password, HashRequester.Operator, default);
    }

    [TestCase("wonderland", Wonderland)]
    [TestCase("wonderland", "$2a$04$zJSye7qrxyLvPmv9ETbDWObN3EDxBakUw3QS7BKXbDLHsrDtakhEO")]
    [TestCase("wonderland", $"$2y$04${Salt}{Tag}")]
    [TestCase("wonderland", "$2b$12$.Ls0yoH5d0cUUnzT3N4ysuZgwlPqcv48p7XBxu.jNxNs6XVLlOl/S")]
    [TestCase("", "$2b$04$NgnWQ0zgBWwl6lovkTP.y./ptI3b.OEAVkHqskQtVzVM0KTuKlJQu")]
    [TestCase("пароль 🔑", "$2b$04$yuUu4TM5aG8zfOIEXDqUFObQrYbis1Bhn2cTNF9icChTOGlySPeTS")]
    [TestCase("a\0b", "$2b$04$.MnhfSpq7RERHWFDWlS0l.AKe2IP37XWv8L5QJyPVyWE4c/VSbdwi")]
    [TestCase(Seventy + "0", "$2b$04$6gzU4wAiMfAza2uj4z4M0utNjrHKNwlVF/zWr.mGjed7RwabH3xh6")]
    public async Task A_hash_of_Synapse_has_its_password_alone(string password, string hash)
    {
        Assert.That(await VerifyAsync(hash, password), Is.True);
        Assert.That(await VerifyAsync(hash, password + "x"), Is.False);
        Assert.That(await VerifyAsync(hash, password, "pepper"), Is.False);
    }

    [TestCase("\uFB01sh")]
    [TestCase("fish")]
    public async Task A_ligature_is_its_letters(string password) => Assert.That(
        await VerifyAsync("$2b$04$N/xm.fbPbNqQcW2Z58GEuezpk02X9LgXz.HGEoHarB03edXTMOxRG", password), Is.True);

    [TestCase("$2b$04$I97A8XxmXCKC9bMPiRbdA.2GGINiS4Pr8d2OeVcJkaxE78bCppUlm")]
    [TestCase("$2b$04$Z7s2vp0d8CINP2znGKi0bOVr1VcsIvdoqV3CDqiugpuXrLlthTXdG")]
    public async Task A_letter_and_its_mark_are_one_character_or_two(string hash)
    {
        Assert.That(await VerifyAsync(hash, "caf\u00E9"), Is.True);
        Assert.That(await VerifyAsync(hash, "cafe\u0301"), Is.True);
        Assert.That(await VerifyAsync(hash, "cafe"), Is.False);
    }

    [TestCase("한글 한", "$2b$04$YXPWF8Q2gujMFEvgTQwUWOLya/B2.YCiKdBL3riOywynCyEIphquu")]
    [TestCase("ABC1\u00C5", "$2b$04$fKG8GyRKhpojyu0m2TpVKe4M07NuZXHV55XMT/YsfUsMiPN.praSa")]
    public async Task Other_spellings_are_one_password(string password, string hash) =>
        Assert.That(await VerifyAsync(hash, password), Is.True);

    [TestCase(Seventy + "01", "$2b$04$F1mUk.t.5Acnfua59wPIVeVlpIk1bejSqT2G.mOmIFgCkPzCoUAHq")]
    [TestCase(Seventy + "012", "$2b$04$scw8.odDavVtBzvCBEX4m./zSiEgrPjxdv5KMPmiD0P9KmjD/BMMi")]
    [TestCase(Seventy + Ten, "$2b$04$HP4.groUL4hLVVxNZ9UsNO.qQmHn58HDsdf4/OGFZC7n8cH01fXKO")]
    public async Task Of_a_long_password_72_bytes_count(string password, string hash)
    {
        Assert.That(await VerifyAsync(hash, password), Is.True);
        Assert.That(await VerifyAsync(hash, Seventy + "01 and something else", "and a pepper"), Is.True);
        Assert.That(await VerifyAsync(hash, Seventy + "0"), Is.False);
        Assert.That(await VerifyAsync(hash, Seventy + "02"), Is.False);
    }

    [Test]
    public async Task The_72_bytes_may_end_inside_of_a_character()
    {
        const string Hash = "$2b$04$GRBCrrCQuh/6SK//CC70WumM0IaPIqY8.VSof.BOPTk4FLNeHKp1.";

        Assert.That(await VerifyAsync(Hash, Seventy + "1\u00E9"), Is.True);
        Assert.That(await VerifyAsync(Hash, Seventy + "1\u00E8"), Is.True, "Both begin with the same byte.");
        Assert.That(await VerifyAsync(Hash, Seventy + "1\u0439"), Is.False);
        Assert.That(
            await VerifyAsync(
                "$2b$04$JqSF.tWViBWXVxhL0rPQeuM3nTA5ujus83f8.i/uuAqCp3X8k8LCu", new string('\u00E9', 512)),
            Is.True);
    }

    [TestCase("wonderland", "péppér \u0001!", "$2b$04$4H0x10aJJzuCl17EnCRG6ONoBTG56VSTgawJoioaDm6NpsayDoiPS")]
    [TestCase(Seventy, "pepper", "$2b$04$/eR1K51RI/4nG8Z6qRKjW.nhz3FWOjNIlrWiJU6edNf6rz6AY/3w2")]
    public async Task The_pepper_follows_the_password(string password, string pepper, string hash)
    {
        Assert.That(await VerifyAsync(hash, password, pepper), Is.True);
        Assert.That(await VerifyAsync(hash, password), Is.False);
        Assert.That(await VerifyAsync(hash, password, "x" + pepper), Is.False);
    }

    [Test]
    public async Task A_password_of_72_bytes_leaves_no_room_for_the_pepper() => Assert.That(
        await VerifyAsync("$2b$04$2Uv1uP9OLXXkRzoNr79PxeJkWQ4arxADvLc0FgKBCGhLin1.oZGaW", Seventy + "12", "other"),
        Is.True);

    [TestCase("")]
    [TestCase("wonderland")]
    [TestCase($"$2$04${Salt}{Tag}")]
    [TestCase($"$2c$04${Salt}{Tag}")]
    [TestCase($"2b$04${Salt}{Tag}")]
    [TestCase($"$2b$4${Salt}{Tag}")]
    [TestCase($"$2b$03${Salt}{Tag}")]
    [TestCase($"$2b$32${Salt}{Tag}")]
    [TestCase($"$2b$+4${Salt}{Tag}")]
    [TestCase($"$2b$04${Salt}{Tag}x")]
    [TestCase($"$2b$04${Salt}{Tag}$")]
    [TestCase($"$2b$04${Salt}{Tag}\n")]
    [TestCase("$2b$04$F7Zlh/eypsCOq.qaqjzWoe")]
    [TestCase($"$2b$04$F7Zlh/eypsCOq.qaqjzWof{Tag}")]
    [TestCase($"$2b$04$F7Zlh/eypsCOq.qaqjzW+e{Tag}")]
    [TestCase($"$2b$04${Salt}W5rytDUMVksjpClg4mNjDx5bi77WOjj")]
    [TestCase($"$2b$04${Salt}W5rytDUMVksjpClg4mNjDx5bi77WOé")]
    [TestCase($"$synapse{Wonderland}")]
    public async Task What_has_another_form_has_no_password(string hash)
    {
        Assert.That(ImportedPasswords.KindOf(hash), Is.EqualTo(ImportedPasswordKind.Unknown));
        Assert.That(() => ImportedPasswords.StoredForm(hash), Throws.ArgumentException);
        Assert.That(await VerifyAsync(hash, "wonderland"), Is.False);
    }

    [Test]
    public async Task A_hash_of_Synapse_counts_only_in_the_form_that_says_so()
    {
        using var hasher = new PasswordHasher(_cost);

        Assert.That(ImportedPasswords.StoredForm(Wonderland), Is.EqualTo(Synapse + Wonderland));
        Assert.That(await hasher.VerifyAsync(Wonderland, "wonderland", default, default), Is.False);
        Assert.That(hasher.IsOutdated(Synapse + Wonderland), Is.True);
    }

    [TestCase("17")]
    [TestCase("31")]
    public async Task A_cost_that_would_stop_logins_is_not_computed(string cost)
    {
        var hash = $"$2b${cost}${Salt}{Tag}";
        var watch = Stopwatch.StartNew();

        Assert.That(await VerifyAsync(hash, "wonderland"), Is.False);

        Assert.That(watch.Elapsed, Is.LessThan(TimeSpan.FromSeconds(3)));
        Assert.That(ImportedPasswords.KindOf(hash), Is.EqualTo(ImportedPasswordKind.TooCostly));
        Assert.That(ImportedPasswords.KindOf(Wonderland), Is.EqualTo(ImportedPasswordKind.Usable));
    }

    [Test]
    public async Task A_wrong_password_takes_as_long_for_everybody_while_users_have_hashes_of_Synapse()
    {
        using var hasher = new PasswordHasher(_cost);
        hasher.ExpectImported(9);
        var ours = (await hasher.HashAsync("right", default, default))!;
        var cheap = Synapse + Wonderland;
        var costly = Synapse + $"$2b$09${Salt}{Tag}";
        var times = new Dictionary<string, List<double>>();
        for (var i = 0; i < 15; i++)
        {
            await TakesAsync("nobody", () => hasher.VerifyNobodyAsync("wrong", default, default));
            await TakesAsync("broken", () => hasher.VerifyAsync(Synapse, "wrong", default, default));
            await TakesAsync("ours", () => hasher.VerifyAsync(ours, "wrong", default, default));
            await TakesAsync("cheap", () => hasher.VerifyAsync(cheap, "wrong", default, default));
            await TakesAsync("costly", () => hasher.VerifyAsync(costly, "wrong", default, default));
        }

        var least = times.ToDictionary(static kind => kind.Key, static kind => kind.Value.Min());

        // A cost is twice the one below it: the least and the greatest here differ by 32.
        Assert.That(least.Values.Max() / least.Values.Min(), Is.LessThan(3), string.Join(", ", least));

        async Task TakesAsync(string kind, Func<Task<bool?>> check)
        {
            var start = Stopwatch.GetTimestamp();
            Assert.That(await check(), Is.False);
            if (!times.TryGetValue(kind, out var taken)) times[kind] = taken = [];
            taken.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }
    }
}
