namespace Matrix.Host.Tests.Search;

/// <summary>
/// Searches while others send without a pause, so that the index finds new events at each of its steps.
/// </summary>
internal sealed class BusyServerTests(string kind) : SearchWorld(kind)
{
    private const int Senders = 3;

    /// <summary>The index may be late on a slow machine, so the searches wait as long as it needs.</summary>
    protected override (string Key, string Value)[] Settings => [("search.index_wait", "2m")];

    [Test]
    public async Task A_message_is_found_as_soon_as_it_is_sent_however_long_others_have_been_sending()
    {
        var room = await CreatesAsync(Alice);
        await WhileOthersSendAsync(async () =>
        {
            for (var i = 0; i < 10; i++)
            {
                var said = await SaysAsync(Alice, room, $"needle{i}");
                Assert.That(await FindsAsync(Alice, $"needle{i}"), Is.EqualTo(new[] { said }));
            }
        });
    }

    [Test]
    public async Task A_message_whose_edit_is_redacted_is_found_by_its_first_words_while_others_send()
    {
        var room = await CreatesAsync(Alice);
        await WhileOthersSendAsync(async () =>
        {
            var said = await SaysAsync(Alice, room, "former words");
            var edit = await EditsAsync(Alice, room, said, "latter words");
            Assert.That(await FindsAsync(Alice, "latter"), Is.EqualTo(new[] { said }));
            await RedactsAsync(Alice, room, edit);
            Assert.That(await FindsAsync(Alice, "former"), Is.EqualTo(new[] { said }));
            Assert.That(await FindsAsync(Alice, "latter"), Is.Empty);
        });
    }

    /// <summary>Others send before it and during it.</summary>
    private async Task WhileOthersSendAsync(Func<Task> action)
    {
        var rooms = new List<string>();
        for (var i = 0; i < Senders; i++) rooms.Add(await CreatesAsync(Bob));
        using var end = new CancellationTokenSource();
        Task[] senders = [.. rooms.Select(room => Task.Run(() => SendsUntilAsync(room, end.Token)))];
        try
        {
            await Task.Delay(TimeSpan.FromSeconds(4));
            await action();
        }
        finally
        {
            await end.CancelAsync();
            await Task.WhenAll(senders);
        }
    }

    private async Task SendsUntilAsync(string room, CancellationToken end)
    {
        while (!end.IsCancellationRequested)
        {
            await SaysAsync(Bob, room, "hay");

            // Slower than the index, which would be many steps late otherwise. No search waits for those.
            await Task.Delay(TimeSpan.FromMilliseconds(5), CancellationToken.None);
        }
    }
}
