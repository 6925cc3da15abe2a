using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Sqlite;
using static Matrix.Host.Tests.Storage.Samples;

namespace Matrix.Host.Tests.Storage;

/// <summary>Faults that only a database file has.</summary>
internal sealed class SqliteTests
{
    private string _folder = null!;

    private static CancellationToken Stop => CancellationToken.None;

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("matrix-sqlite-").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void An_index_beside_the_log_that_cannot_grow_is_a_full_disk()
    {
        var fault = SqliteFault.Of(0, code: 4874, "COMMIT");

        Assert.That(fault.Failure, Is.EqualTo(StorageFailure.Full));
        Assert.That(fault.Message, Is.EqualTo("SQLite, COMMIT: the disk is full (code 4874)."));
    }

    [TestCase(
        0,
        3_040_001,
        "The system's libsqlite3 cannot be used: it is built for a single thread (SQLITE_THREADSAFE=0).")]
    [TestCase(
        1,
        3_034_001,
        "The system's libsqlite3 cannot be used: it is version 3.34.1, and at least 3.35.0 is needed.")]
    public void A_library_that_is_too_old_or_has_no_locks_is_refused(int threadSafe, int version, string message)
    {
        var refused = Assert.Throws<StorageException>(() => SqliteLibrary.Check(threadSafe, version));

        Assert.That((refused!.Failure, refused.Message), Is.EqualTo((StorageFailure.Refused, message)));
    }

    [TestCase(1, 3_035_000)]
    [TestCase(2, 4_000_000)]
    public void A_library_that_is_new_enough_and_has_locks_is_used(int threadSafe, int version) =>
        Assert.That(() => SqliteLibrary.Check(threadSafe, version), Throws.Nothing);

    [Test]
    public async Task A_full_disk_fails_every_set_keeps_none_and_heals()
    {
        await using (var store = await OpenAsync(options => options with { MaxDatabaseBytes = 600 * 4096 }))
        {
            StorageException? full = null;
            var kept = 0u;
            while (full is null)
            {
                try
                {
                    await store.Writer.WriteAsync(
                        Batches.New().Add(Event(Live(Kitchen, kept + 1)) with { Padding = 60_000 })
                            .Add(Event(Live(Garden, kept + 1))),
                        Stop);
                    kept++;
                }
                catch (StorageException fault)
                {
                    full = fault;
                }
            }

            Assert.That(full.Failure, Is.EqualTo(StorageFailure.Full));
            Assert.That(await store.Events.FindAsync(Live(Garden, kept), Stop), Is.Not.Null);
            Assert.That(await store.Events.FindAsync(Live(Garden, kept + 1), Stop), Is.Null);
            await store.Writer.WriteAsync(Batches.New().Add(Redacts(Live(Kitchen, 1), Live(Kitchen, 2))), Stop);
        }

        await using var larger = await OpenAsync();
        await larger.Writer.WriteAsync(
            Batches.New().Add(Event(Live(Kitchen, 9_999)) with { Padding = 60_000 }),
            Stop);
    }

    [Test]
    public async Task A_locked_database_fails_in_time_and_goes_on_afterwards()
    {
        await using var store = await OpenAsync(options => options with { BusyTimeoutMs = 50 });
        using (var other = SqliteConnection.Open(File("matrix.db"), 50))
        {
            other.Execute("BEGIN IMMEDIATE");
            var failure = Assert.ThrowsAsync<StorageException>(
                async () => await store.Writer.WriteAsync(Batches.New().Add(Event(Live(Kitchen, 1))), Stop))!;
            other.Execute("ROLLBACK");
            Assert.That(failure.Failure, Is.EqualTo(StorageFailure.Busy));
        }

        await store.Writer.WriteAsync(Batches.New().Add(Event(Live(Kitchen, 1))), Stop);
    }

    [Test]
    public async Task What_was_acknowledged_is_in_the_files_before_anything_is_closed()
    {
        await using var store = await OpenAsync();
        var position = 0L;
        for (var n = 1u; n <= 40; n++)
        {
            position = (await store.Writer.WriteAsync(Batches.New().Add(Event(Live(Kitchen, n))), Stop)).Position;
        }

        await using var found = await OpenAsync(options => options with { DataDir = Copied() });
        Assert.That(await found.Events.FindAsync(Live(Kitchen, 40), Stop), Is.Not.Null);
        Assert.That(found.Writer.PublishedPosition, Is.GreaterThanOrEqualTo(position));
        var next = await found.Writer.WriteAsync(Batches.New().Add(Event(Live(Kitchen, 41))), Stop);
        Assert.That(next.Position, Is.GreaterThan(position));
    }

    [Test]
    public async Task A_commit_longer_than_the_buffer_is_complete()
    {
        await using var store = await OpenAsync(options => options with { WriterCacheBytes = 64 * 1024 });
        for (var batch = 0u; batch < 5; batch++)
        {
            var large = Batches.New();
            for (var n = 1u; n <= 300; n++)
            {
                large.Add(Long((batch * 300) + n));
            }

            await store.Writer.WriteAsync(large, Stop);
        }

        await using var found = await OpenAsync(options => options with { DataDir = Copied() });
        foreach (var reading in new[] { store, found })
        {
            for (var n = 1u; n <= 1_500; n++)
            {
                var row = await reading.Events.FindAsync(Live(Kitchen, n), Stop);
                Assert.That(row!.Json.Span.SequenceEqual(Long(n).Json.Span), $"event {n}");
            }
        }

        static EventSample Long(uint n) => Event(Live(Kitchen, n)) with { Padding = 3_000 };
    }

    [Test]
    public async Task A_set_that_is_refused_within_a_largecommit_leaves_the_others_whole()
    {
        await using var store = await OpenAsync(options => options with { WriterCacheBytes = 64 * 1024 });
        await store.Writer.WriteAsync(Batches.New().Add(Event(Live(Kitchen, 1))), Stop);
        var writing = new List<Task>();
        for (var n = 2u; n <= 60; n++)
        {
            // Every third event exists already: its commit is repeated without it.
            var nid = n % 3 == 0 ? 1 : n;
            writing.Add(
                store.Writer.WriteAsync(Batches.New().Add(Event(Live(Kitchen, nid)) with { Padding = 30_000 }), Stop)
                    .AsTask());
        }

        Assert.That(async () => await Task.WhenAll(writing), Throws.InstanceOf<StorageException>());
        await using var found = await OpenAsync(options => options with { DataDir = Copied() });
        for (var n = 2u; n <= 60; n++)
        {
            Assert.That(
                await found.Events.FindAsync(Live(Kitchen, n), Stop),
                n % 3 == 0 ? Is.Null : Is.Not.Null,
                $"event {n}");
        }
    }

    [Test]
    public async Task What_is_committed_is_seen_at_once_even_if_nothing_is_synced()
    {
        await using var store = await OpenAsync(options => options with { SqliteSynchronous = "OFF" });
        for (var n = 1u; n <= 200; n++)
        {
            var written = Event(Live(Kitchen, n)) with { Padding = 100 * (int)n };
            await store.Writer.WriteAsync(Batches.New().Add(written), Stop);
            Assert.That(
                (await store.Events.FindAsync(Live(Kitchen, n), Stop))?.Json.Length,
                Is.EqualTo(written.Json.Length));
        }
    }

    [Test]
    public async Task The_bound_of_the_database_is_in_bytes_whatever_the_pages_it_was_made_with()
    {
        const int Most = 2_000_000;
        await (await OpenAsync(options => options with { PageSize = 4096 })).DisposeAsync();
        await using (var store = await OpenAsync(options => options with { PageSize = 1024, MaxDatabaseBytes = Most }))
        {
            Assert.That(
                Assert.ThrowsAsync<StorageException>(async () =>
                {
                    for (var n = 1u; n <= 100; n++)
                    {
                        await store.Writer.WriteAsync(
                            Batches.New().Add(Event(Live(Kitchen, n)) with { Padding = 60_000 }),
                            Stop);
                    }
                })!.Failure,
                Is.EqualTo(StorageFailure.Full));
        }

        Assert.That(new FileInfo(File("matrix.db")).Length, Is.InRange(Most / 2, Most));
    }

    [Test]
    public async Task The_log_of_an_idle_writer_is_moved_into_the_database_though_it_is_short()
    {
        await using var store = await OpenAsync(options => options with { CheckpointIdleBytes = 100_000 });
        for (var n = 1u; n <= 100; n++)
        {
            await store.Writer.WriteAsync(Batches.New().Add(Event(Live(Kitchen, n)) with { Padding = 3_000 }), Stop);
        }

        Assert.That(() => new FileInfo(File("matrix.db")).Length, Is.GreaterThan(300_000).After(20_000, 20));
    }

    [Test]
    public async Task The_log_is_moved_into_the_database_when_it_grows_and_starts_again()
    {
        await using var store = await OpenAsync(options => options with { CheckpointBytes = 100_000 });
        for (var step = 0u; step < 20; step++)
        {
            var size = new FileInfo(File("matrix.db")).Length;
            for (var n = 1u; n <= 20; n++)
            {
                var written = Event(Live(Kitchen, (20 * step) + n)) with { Padding = 3_000 };
                await store.Writer.WriteAsync(Batches.New().Add(written), Stop);
            }

            // Each step fills the log more than once. Its checkpoint runs on a thread of its own, and a writer that
            // does not pause can be far ahead of it.
            Assert.That(() => new FileInfo(File("matrix.db")).Length, Is.GreaterThan(size).After(20_000, 5));
        }

        Assert.That(new FileInfo(File("matrix.db-wal")).Length, Is.LessThan(800_000));
        Assert.That(new FileInfo(File("matrix.db")).Length, Is.GreaterThan(1_000_000));
    }

    [Test]
    public async Task The_log_stays_bounded_under_writers_that_do_not_pause()
    {
        await using var store = await OpenAsync(options => options with { CheckpointBytes = 1_000_000 });
        var writing = Task.WhenAll(Enumerable.Range(0, 16).Select(async writer =>
        {
            for (var n = 1u; n <= 400; n++)
            {
                var event_ = Event(Live(Kitchen, (uint)writer * 400 + n)) with { Padding = 40_000 };
                await store.Writer.WriteAsync(Batches.New().Add(event_), Stop);
            }
        }));
        var longest = 0L;
        while (!writing.IsCompleted)
        {
            longest = Math.Max(longest, new FileInfo(File("matrix.db-wal")).Length);
            await Task.Delay(5, Stop);
        }

        await writing;
        // Four logs, the flush that is under way and the one that is moved: the writers wait for a thread that stalls.
        Assert.That(longest, Is.LessThan(24_000_000), "of 256 MB written");
    }

    [Test]
    public async Task A_backup_taken_while_writing_goes_on_is_one_committed_instant()
    {
        await using var store = await OpenAsync();
        await store.Writer.WriteAsync(Batches.New().Add(Event(Live(Kitchen, 1))).Add(Event(Live(Garden, 1))), Stop);
        using var enough = new CancellationTokenSource();
        var writing = Task.Run(async () =>
        {
            for (var n = 2u; !enough.IsCancellationRequested; n++)
            {
                await store.Writer.WriteAsync(
                    Batches.New().Add(Event(Live(Kitchen, n))).Add(Event(Live(Garden, n))),
                    Stop);
            }
        });

        Directory.CreateDirectory(File("copy"));
        await store.Admin.BackupAsync(File("copy/matrix.db"), Stop);
        await enough.CancelAsync();
        await writing;

        await using var copy = await OpenAsync(options => options with { DataDir = File("copy") });
        var rooms = await copy.Events.LastNidsAtAsync([Kitchen, Garden], long.MaxValue, Stop);
        Assert.That(await copy.Events.FindAsync(Live(Kitchen, 1), Stop), Is.Not.Null);
        Assert.That(rooms, Is.Empty.Or.Count.EqualTo(2));
        Assert.That(
            Assert.ThrowsAsync<StorageException>(
                async () => await store.Admin.BackupAsync(File("copy/matrix.db"), Stop))!.Failure,
            Is.EqualTo(StorageFailure.Refused));
    }

    [Test]
    public async Task The_files_are_for_their_owner_only()
    {
        await using var store = await OpenAsync();

        Assert.That(
            new[] { "matrix.db", "matrix.db-wal", "matrix.db-shm" }.Select(
                name => System.IO.File.GetUnixFileMode(File(name))),
            Is.All.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
    }

    [Test]
    public async Task A_file_that_is_no_database_is_refused_in_one_line()
    {
        await System.IO.File.WriteAllTextAsync(File("matrix.db"), new string('x', 10_000));

        var refused = Assert.ThrowsAsync<StorageException>(async () => await OpenAsync())!;

        Assert.That(refused.Message, Does.Contain("not a database").And.Not.Contain("\n"));
    }

    [Test]
    public void A_folder_that_cannot_be_made_is_refused_in_one_line()
    {
        System.IO.File.WriteAllText(File("file"), "");

        var refused = Assert.ThrowsAsync<StorageException>(
            async () => await OpenAsync(options => options with { DataDir = File("file/x") }))!;

        Assert.That(refused.Failure, Is.EqualTo(StorageFailure.Refused));
        Assert.That(refused.Message, Does.Not.Contain("\n"));
    }

    /// <summary>A copy of the files as a crash would leave them now.</summary>
    private string Copied()
    {
        var copy = Directory.CreateDirectory(File("copy")).FullName;
        foreach (var name in new[] { "matrix.db", "matrix.db-wal" })
        {
            System.IO.File.Copy(File(name), Path.Combine(copy, name));
        }

        return copy;
    }

    private string File(string name) => Path.Combine(_folder, name);

    private ValueTask<OpenedStorage> OpenAsync(Func<StorageOptions, StorageOptions>? adjust = null)
    {
        var options = new StorageOptions
        {
            Url = "sqlite:matrix.db",
            DataDir = _folder,
            ServerName = "example.org",
            Time = new ManualTime(),
        };
        return StorageEngine.OpenAsync(adjust?.Invoke(options) ?? options, Stop);
    }
}
