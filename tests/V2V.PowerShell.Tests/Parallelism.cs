using Xunit;

// One engine at a time: PowerShell keeps the default runspace, loaded module assemblies and their load contexts per process.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
