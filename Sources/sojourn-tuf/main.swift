import Commands

TUFEntryPoint.main()
